//! `roomflash`: images onto disks, signed, verified and provisioned. Commands and exit codes are
//! described in `docs/flashing.md`.

mod arguments;
mod confirm;
mod installing;
mod keeping;
mod looking;
mod making;
mod provisioning;
mod recovering;
mod tell;
mod writing;

use arguments::{Arguments, Command};
use clap::Parser;
use roombox_flash::error::FlashError;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tell::Teller;

/// Done, but nobody read it back.
const NOT_VERIFIED: u8 = 10;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let cancel = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // The first one stops in order, a second one at once.
        let _ = signal_hook::flag::register_conditional_default(signal, Arc::clone(&cancel));
        let _ = signal_hook::flag::register(signal, Arc::clone(&cancel));
    }
    let teller = Teller::new(arguments.json);
    match run(arguments.command, &teller, &cancel) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            teller.refused(&error);
            ExitCode::from(error.code())
        }
    }
}

fn run(command: Command, teller: &Teller, cancel: &AtomicBool) -> Result<u8, FlashError> {
    match command {
        Command::List { all } => looking::list(all, teller),
        Command::Manifest(command) => making::run(command, teller),
        Command::Write(write) => writing::run(&write, teller, cancel),
        Command::Verify(verify) => looking::verify(&verify, teller),
        Command::Probe { target, permission } => looking::probe(&target, &permission, teller),
        Command::Backup { target, file } => keeping::backup(&target, &file, teller),
        Command::Restore { file, target, permission } => {
            keeping::restore(&file, &target, &permission, teller)
        }
        Command::Recover(recover) => recovering::run(&recover, teller, cancel),
        Command::Provision(provision) => provisioning::run(&provision, teller),
        Command::Install(install) => installing::run(&install, teller, cancel),
    }
}
