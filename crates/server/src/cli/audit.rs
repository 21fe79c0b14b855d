//! `factree audit`: a log is verified, exported, and its end named.
//!
//! Invariant: reads files and changes none.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use factree::audit_command::{self, Against, Failed, Form, Query};

use crate::fail;

#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// Say whether the log is what was written
    ///
    /// Exit code 0: it is; 1: it is not, and the first entry that is wrong is named; 5: it could not be tried.
    Verify(AuditAgainst),
    /// Print the last head, a line to be kept on another machine
    Head(AuditAgainst),
    /// Print what is on record, for other programs
    Export(AuditExport),
}

#[derive(Args)]
pub(crate) struct AuditAgainst {
    /// The data directory
    #[arg(long, value_name = "DIR", default_value = "factree-data")]
    data: PathBuf,
    /// A file with heads that were kept elsewhere, one in each line
    #[arg(long, value_name = "FILE")]
    head: Option<PathBuf>,
    /// The public key, as the server prints it at its start [default: the one beside the log]
    #[arg(long, value_name = "HEX")]
    key: Option<String>,
}

#[derive(Args)]
pub(crate) struct AuditExport {
    /// The data directory
    #[arg(long, value_name = "DIR", default_value = "factree-data")]
    data: PathBuf,
    /// The form
    #[arg(long, value_enum, default_value = "jsonl")]
    format: ExportForm,
    /// Of exactly this principal, user:anna for example
    #[arg(long)]
    principal: Option<String>,
    /// With this verb or one below it
    #[arg(long)]
    verb: Option<String>,
    /// With a target that begins so
    #[arg(long)]
    target: Option<String>,
    /// That ended so: begun, done, refused, failed or lost
    #[arg(long)]
    result: Option<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum ExportForm {
    Jsonl,
    Csv,
}

/// Looks at the audit log.
pub(crate) fn audit(command: &AuditCommand) -> ExitCode {
    let against = |against: &AuditAgainst| Against { heads: against.head.clone(), key: against.key.clone() };
    let said = match command {
        AuditCommand::Verify(of) => audit_command::verified(&of.data, &against(of)),
        AuditCommand::Head(of) => audit_command::head(&of.data, &against(of)),
        AuditCommand::Export(export) => return audit_export(export),
    };
    match said {
        Ok(text) => {
            // A reader that has seen enough closes the pipe.
            let _: io::Result<()> = io::stdout().lock().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(Failed::Asked(why)) => fail(5, &why),
        Err(wrong) => fail(1, &format!("the audit log is NOT what was written: {wrong}")),
    }
}

fn audit_export(export: &AuditExport) -> ExitCode {
    let AuditExport { data, format, principal, verb, target, result } = export;
    let query = Query {
        principal: principal.clone(),
        verb: verb.clone(),
        target_prefix: target.clone(),
        result: result.clone(),
        ..Query::default()
    };
    let form = match format {
        ExportForm::Jsonl => Form::Lines,
        ExportForm::Csv => Form::Csv,
    };
    match audit_command::exported(data, query, form, &mut io::BufWriter::new(io::stdout().lock())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => fail(5, &format!("{}: {error}", data.display())),
    }
}
