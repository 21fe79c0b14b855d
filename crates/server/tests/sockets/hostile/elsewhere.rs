//! The rest of the table: rows that take users, files, a clock or a log, and are tried where those are.
//!
//! Who may do what over MQTT is MA, HTTP is HT, the configuration CF, the audit log AU; of Sparkplug (SP) and the store (ST) what
//! is about rights and the record. What says a time or an amount of memory is a figure of `benches/benches/hostile.rs`. Where
//! what comes of a row is not what a strict reader would expect, `docs/security.md` says why.

use super::table::Trial::Elsewhere;
use super::table::{Row, Trial, row};

const FRONT: Trial = Elsewhere(
    "server/tests/sockets/front.rs",
    "what_is_hostile_is_refused_and_the_connection_stays_in_step_or_is_closed",
);
const ACCESS_HTTP: Trial = Elsewhere("server/tests/access/http.rs", "hostile_requests_get_what_the_table_says");

#[rustfmt::skip]
pub(super) const ELSEWHERE: &[Row] = &[
    row("MA01", "a CONNECT that shows nothing", "CONNACK 0x87 (3.1.1: 5); one entry", &[
        Elsewhere("server/tests/access/mqtt.rs", "ma01_who_shows_nothing_is_refused"),
        Elsewhere("server/tests/sockets/audit.rs", "who_is_not_let_in_is_one_entry_whatever_he_calls_himself"),
    ]),
    row("MA03", "unknown users and wrong passwords", "the same answer after the same time", &[
        Elsewhere("auth/tests/stories/directory.rs", "who_does_not_exist_is_checked_like_who_does"),
        Elsewhere("../benches/benches/hostile.rs", "names"),
    ]),
    row("MA04", "500 wrong passwords at once", "so many are hashed at once and no more; others are served", &[
        Elsewhere("auth/tests/stories/credentials.rs", "a_gate_lets_so_many_hash_at_once"),
        Elsewhere("../benches/benches/hostile.rs", "guesses"),
    ]),
    row("MA06", "SUBSCRIBE to more than is granted", "SUBACK 0x87", &[
        Elsewhere("server/tests/access/mqtt.rs", "ma06_a_subscription_needs_all_that_it_asks_for"),
    ]),
    row("MA08", "SUBSCRIBE to $SYS by who is no admin", "SUBACK 0x87", &[
        Elsewhere("server/tests/access/mqtt.rs", "ma08_the_brokers_own_topics_are_the_admins"),
    ]),
    row("MA09", "users and client ids with wildcards or levels, where a grant says {username}", "it grants nothing", &[
        Elsewhere("server/tests/access/mqtt.rs", "ma09_names_and_client_ids_never_bring_a_wildcard_or_a_level"),
        Elsewhere("auth/tests/stories/access.rs", "a_name_never_brings_a_wildcard_into_a_filter"),
    ]),
    row("MA11", "a will that its client may not say", "CONNACK 0x87; on record", &[
        Elsewhere("server/tests/access/mqtt.rs", "ma11_a_will_needs_the_right_to_say_it"),
        Elsewhere("server/tests/sockets/audit.rs", "what_somebody_was_refused_is_on_record"),
    ]),
    row("MA13", "a kept subscription that is not granted any more", "it ends, and nothing is delivered", &[
        Elsewhere("server/tests/access/revoked.rs", "ma13_a_kept_subscription_that_is_not_granted_any_more_ends"),
        Elsewhere("server/tests/access/revoked.rs", "ma13_also_when_the_server_was_restarted_in_between"),
    ]),
    row("MA14", "a QoS 2 exchange that goes on under other rights", "not routed", &[
        Elsewhere("server/tests/access/revoked.rs", "ma14_a_qos_2_exchange_is_not_routed_again_under_other_rights"),
    ]),
    row("MA16", "what says who may do what is damaged", "nobody is let in by it", &[
        Elsewhere("auth/tests/stories/directory.rs", "a_record_that_is_damaged_lets_nobody_in"),
    ]),
    row("MA18", "somebody's certificate with somebody else's name", "CONNACK 0x87", &[
        Elsewhere("server/tests/access/certificates.rs", "ma18_a_username_beside_a_certificate_is_its_principals"),
    ]),
    row("MA19", "old TLS, no server name, plain MQTT on a TLS port and the reverse", "closed without a banner, but who names \
         no server is served", &[
        Elsewhere("server/tests/sockets/transports.rs", "ma19_tls_of_an_earlier_time_gets_an_alert_and_nothing_else"),
        Elsewhere("server/tests/sockets/transports.rs", "ma19_what_is_no_tls_on_the_tls_port_is_closed"),
        Elsewhere("server/tests/sockets/transports.rs", "a_client_that_names_no_server_is_served"),
        Elsewhere("server/tests/access/mqtt.rs", "ma19_tls_on_a_plain_port_and_nothing_said_at_all"),
    ]),

    row("SP19", "births and deaths in another Edge Node's name", "PUBACK 0x87; on record", &[
        Elsewhere("server/tests/sockets/audit.rs", "what_somebody_was_refused_is_on_record"),
    ]),
    row("SP20", "another Host Application's STATE", "0x87; on record", &[
        Elsewhere("server/tests/sockets/audit.rs", "what_somebody_was_refused_is_on_record"),
    ]),
    row("SP27", "one metric thousands of times in one payload", "one entry", &[
        Elsewhere("server/tests/sockets/audit.rs", "sp27_a_huge_command_is_one_bounded_entry"),
    ]),

    row("HT02", "a name that was made to point here", "421", &[FRONT, ACCESS_HTTP]),
    row("HT03", "a page of another site", "403; 415 without JSON", &[
        FRONT,
        ACCESS_HTTP,
        Elsewhere("server/tests/sockets/front.rs", "ht03_a_name_of_the_configuration_is_ours"),
    ]),
    row("HT05", "a credential in the address", "401", &[ACCESS_HTTP]),
    row("HT07", "a command without the right to it", "403; on record", &[
        ACCESS_HTTP,
        Elsewhere("server/tests/sockets/audit.rs", "au03_nothing_takes_anything_away_and_the_attempt_is_on_record"),
    ]),
    row("HT08", "a million metrics, read by fifty at once", "pages; 429 beyond http_requests_max; others are served", &[
        Elsewhere("server/tests/sockets/front.rs", "ht08_one_request_too_many_is_told_to_come_again"),
        Elsewhere("server/tests/sockets/front.rs", "ht08_probes_are_answered_though_all_places_are_taken"),
        Elsewhere("server/tests/sockets/front.rs", "ht08_who_makes_us_wait_gives_his_place_to_who_comes"),
        Elsewhere("server/tests/sockets/front.rs", "ht08_streams_hold_no_place"),
        Elsewhere("server/tests/access/http.rs",
            "strangers_leave_places_to_who_has_logged_in_and_to_strangers_elsewhere"),
        Elsewhere("../benches/benches/hostile.rs", "snapshots"),
    ]),
    row("HT10", "a thousand streams that nobody reads", "nothing is kept for them; who reads at last is told what is by then", &[
        Elsewhere("http/tests/stories/streams.rs", "a_thousand_readers_that_never_read_have_nothing_kept_for_them"),
        Elsewhere("../benches/benches/hostile.rs", "deaf_readers"),
    ]),
    row("HT12", "a position that is none, too long, still to come, or somebody else's", "431, or a snapshot of what may be read", &[
        FRONT,
        Elsewhere("http/tests/stories/matrix/following.rs",
            "whatever_position_is_said_nothing_is_told_beyond_what_may_be_read"),
    ]),
    row("HT13", "a head, a number of fields, a target without end; a request that never becomes whole", "431, 431, 414; closed", &[
        FRONT,
        Elsewhere("server/tests/sockets/front.rs",
            "ht13_a_request_that_does_not_become_whole_is_closed_and_a_stream_is_not"),
    ]),
    row("HT15", "lengths that contradict each other, bare LF, folded fields", "400, closed", &[FRONT]),
    row("HT17", "a compressed body, a body without end", "415, 413", &[FRONT]),
    row("HT18", "JSON that is deep, or no value we have", "400", &[FRONT, ACCESS_HTTP]),
    row("HT20", "a page of ours in a frame, a script in a page", "the browser is told not to", &[
        Elsewhere("server/tests/sockets/front.rs", "ht20_every_answer_says_what_a_browser_may_not_do_with_it"),
    ]),
    row("HT22", "figures, probes and configuration, asked for by a stranger", "401, but for probes that say one word", &[ACCESS_HTTP]),
    row("HT23", "a name with line ends and escapes", "one entry, one line", &[
        Elsewhere("server/tests/access/http.rs", "ht23_a_name_stays_a_name"),
        Elsewhere("server/tests/sockets/audit.rs", "who_is_not_let_in_is_one_entry_whatever_he_calls_himself"),
        Elsewhere("auth/tests/audit/main.rs", "an_export_has_a_line_for_each_record_and_nothing_to_calculate"),
    ]),
    row("HT25", "streams and WebSockets of who is let in no longer", "closed within 5 s", &[
        Elsewhere("server/tests/access/http.rs", "ht25_streams_end_with_what_their_readers_were_let_in_by"),
        Elsewhere("http/tests/stories/matrix/following.rs", "a_stream_ends_with_what_its_reader_was_let_in_by"),
    ]),

    row("CF02", "a table of rights with nothing but comments", "everything is denied", &[
        Elsewhere("server/src/config/auth.rs", "cf02_a_table_with_nothing_but_comments_denies_everything"),
    ]),
    row("CF03", "rights that are malformed", "refused with the line", &[
        Elsewhere("server/src/config/auth.rs", "cf03_what_is_malformed_is_refused_with_its_line_and_what_is_accepted"),
        Elsewhere("server/tests/command.rs", "a_wrong_key_ends_with_2_and_names_file_line_key_and_what_is_accepted"),
    ]),
    row("CF05", "a certificate where there is no TLS", "refused; no address becomes wider", &[
        Elsewhere("server/src/config/tests.rs", "cf05_a_certificate_on_a_plain_transport_is_refused"),
        Elsewhere("server/src/config/exposure.rs", "cf05_a_certificate_widens_no_address"),
    ]),
    row("CF07", "a reload of a broken file", "nothing changes; on record", &[
        Elsewhere("server/tests/sockets/audit.rs", "cf07_a_reload_says_which_keys_have_changed_and_a_refused_one_why"),
        Elsewhere("server/tests/command.rs", "mq13_sighup_reads_the_configuration_again_and_a_wrong_one_changes_nothing"),
    ]),
    row("CF08", "a configuration of a gibibyte, or nested without end", "refused, the one unread", &[
        Elsewhere("server/src/config/tests.rs", "cf08_a_huge_file_is_refused_unread"),
        Elsewhere("server/src/config/auth.rs", "cf08_nesting_without_end_is_refused"),
    ]),
    row("CF10", "a second process on one data directory", "it ends with 3 and names the first", &[
        Elsewhere("server/tests/command.rs", "cf10_a_second_instance_ends_with_3_and_names_the_first"),
        Elsewhere("server/src/data_directory.rs",
            "cf10_a_second_instance_learns_who_holds_the_directory_and_gets_it_afterwards"),
    ]),

    row("ST02", "a process that is killed behind an answer", "what was answered is on record", &[
        Elsewhere("server/tests/audit/main.rs", "what_was_answered_is_on_record_after_a_kill"),
    ]),
    row("ST09", "a wall clock that leaps", "marked, and nothing is dropped on its word", &[
        Elsewhere("auth/tests/audit/main.rs", "a_step_of_the_clock_is_marked"),
        Elsewhere("server/src/audit/scribe/tests.rs", "nothing_is_dropped_on_the_word_of_a_clock_that_has_leapt"),
    ]),
    row("AU02", "no room for the log", "commands are refused, or an alarm by setting; the gap is on record", &[
        Elsewhere("server/tests/sockets/audit.rs", "au02_a_full_log_refuses_commands_over_http_and_mqtt"),
        Elsewhere("server/src/audit/scribe/tests.rs",
            "a_full_disk_refuses_commands_and_the_gap_is_on_record_when_there_is_room"),
        Elsewhere("server/src/audit/scribe/tests.rs", "by_setting_commands_go_on_and_are_counted"),
        Elsewhere("auth/tests/audit/main.rs", "what_could_not_be_stored_is_on_record_as_a_gap"),
    ]),
    row("AU03", "an admin who would edit the log", "no such route: 405; the attempt is on record", &[
        Elsewhere("server/tests/sockets/audit.rs", "au03_nothing_takes_anything_away_and_the_attempt_is_on_record"),
    ]),
];
