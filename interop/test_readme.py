"""The README says what each Sparkplug library cannot do, so that no story is left out in silence."""

from pathlib import Path

from edge_node import abilities


def test_the_readme_has_the_table_of_what_each_library_can_do():
    readme = (Path(__file__).parent / "README.md").read_text().splitlines()
    table = abilities()
    start = readme.index(table[0]) if table[0] in readme else 0
    assert readme[start : start + len(table)] == table, "the README should have:\n" + "\n".join(table)
