//! Where the server keeps its data: a plain directory, or a file system of its own that can lose its power or its room.
//!
//! The latter is ext4 in a file, mounted by loop. A power cut is ext4's own shutdown, which drops at once everything
//! that was not synced, as a machine without power would; mounting it again replays its journal. What a real disk may
//! do beyond that (sectors torn, or said to be written and not) it does not do. Needs root, `mount`, `mkfs.ext4`,
//! `fallocate` and `python3`.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// `EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`, for every directory named on standard input.
const SHUTDOWN: &str = "
import fcntl, os, struct, sys
for line in sys.stdin:
    directory = os.open(line.strip(), os.O_RDONLY)
    fcntl.ioctl(directory, 0x8004587D, struct.pack('I', 2))
    os.close(directory)
    print('cut', flush=True)
";
const FILLER: &str = "filler";

pub(super) enum Place {
    Plain(PathBuf),
    Own(FileSystem),
}

/// A file system of its own.
pub(super) struct FileSystem {
    image: PathBuf,
    mounted: PathBuf,
    scissors: Child,
}

impl Place {
    pub(super) fn plain(directory: &Path) -> Result<Self, String> {
        let data = directory.join("data");
        fs::create_dir_all(&data).map_err(|error| format!("{}: {error}", data.display()))?;
        Ok(Self::Plain(data))
    }

    /// A new file system of so many bytes.
    ///
    /// # Errors
    /// This machine does not let us.
    pub(super) fn own(directory: &Path, bytes: u64) -> Result<Self, String> {
        let (image, mounted) = (directory.join("disk.img"), directory.join("disk"));
        let made = fs::create_dir_all(&mounted).and_then(|()| File::create(&image)?.set_len(bytes));
        made.map_err(|error| format!("{}: {error}", image.display()))?;
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&image))?;
        mount(&image, &mounted)?;
        let scissors = Command::new("python3")
            .args(["-c", SHUTDOWN])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("python3: {error}"))?;
        Ok(Self::Own(FileSystem { image, mounted, scissors }))
    }

    /// Where the server's data goes.
    pub(super) fn data(&self) -> PathBuf {
        match self {
            Self::Plain(data) => data.clone(),
            Self::Own(own) => own.mounted.join("data"),
        }
    }

    pub(super) fn file_system(&mut self) -> Option<&mut FileSystem> {
        match self {
            Self::Plain(_) => None,
            Self::Own(own) => Some(own),
        }
    }
}

impl FileSystem {
    /// The power is gone, now.
    pub(super) fn cut_power(&mut self) -> Result<(), String> {
        let stdin = self.scissors.stdin.as_mut().expect("it is piped");
        writeln!(stdin, "{}", self.mounted.display()).map_err(|error| format!("cannot cut the power: {error}"))?;
        let mut said = String::new();
        let stdout = self.scissors.stdout.as_mut().expect("it is piped");
        // One line per cut, so nothing is left in this reader.
        let read = BufReader::new(stdout).read_line(&mut said);
        if read.is_ok() && said.trim() == "cut" { Ok(()) } else { Err("cannot cut the power".into()) }
    }

    /// The power is back. Nobody has anything open there.
    pub(super) fn restore_power(&self) -> Result<(), String> {
        run(Command::new("umount").arg(&self.mounted))?;
        mount(&self.image, &self.mounted)
    }

    /// Takes the room away at once, but for so many bytes.
    pub(super) fn fill(&self, leaving: u64) -> Result<(), String> {
        let said = run(Command::new("df").args(["--block-size=1", "--output=avail"]).arg(&self.mounted))?;
        let free: u64 = said.lines().nth(1).and_then(|line| line.trim().parse().ok()).ok_or("df says nothing")?;
        let mut taken = free.saturating_sub(leaving);
        // What the file system needs for itself, and what the server took meanwhile, is not to be had.
        while taken > 0 {
            let bytes = taken.to_string();
            if run(Command::new("fallocate").args(["--length", &bytes]).arg(self.mounted.join(FILLER))).is_ok() {
                break;
            }
            taken = taken.saturating_sub(256 << 10);
        }
        Ok(())
    }

    pub(super) fn make_room(&self) -> Result<(), String> {
        fs::remove_file(self.mounted.join(FILLER)).map_err(|error| format!("cannot make room: {error}"))
    }
}

impl Drop for FileSystem {
    fn drop(&mut self) {
        // Failures leave a mount behind that the next line names.
        let _: std::io::Result<()> = self.scissors.kill();
        let _: std::io::Result<std::process::ExitStatus> = self.scissors.wait();
        if let Err(why) = run(Command::new("umount").arg(&self.mounted)) {
            eprintln!("{} stays mounted: {why}", self.mounted.display());
        }
    }
}

fn mount(image: &Path, mounted: &Path) -> Result<(), String> {
    run(Command::new("mount").args(["-o", "loop"]).arg(image).arg(mounted)).map(drop)
}

/// What it printed.
fn run(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{name}: {}", said.trim()))
    }
}
