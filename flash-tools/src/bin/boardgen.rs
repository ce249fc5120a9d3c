//! `boardgen`: writes `yocto/generated/` from `board-configs/`, or says what is stale.

use clap::Parser;
use roombox_flash::boards;
use std::path::PathBuf;
use std::process::ExitCode;

/// Writes everything that follows from the boards' facts.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Change nothing; end with 1 if a file is not what the boards make.
    #[arg(long)]
    check: bool,
    /// Folder of the boards.
    #[arg(long, value_name = "DIR", default_value = "board-configs")]
    boards: PathBuf,
    /// The lock file whose crates bitbake is to fetch.
    #[arg(long, value_name = "FILE", default_value = "Cargo.lock")]
    lock: PathBuf,
    /// Folder of the generated files; whatever else lies in it is removed.
    #[arg(long, value_name = "DIR", default_value = "yocto/generated")]
    out: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("boardgen: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let all = boards::read_all(&arguments.boards)?;
    if all.is_empty() {
        return Err(format!("{}: no board in it", arguments.boards.display()).into());
    }
    let mut files = boards::generate(&all);
    files.push(boards::crates(&arguments.lock)?);
    let changes = match arguments.check {
        true => boards::changes(&arguments.out, &files)?,
        false => boards::write(&arguments.out, &files)?,
    };
    for change in &changes {
        println!("{change}");
    }
    println!("{} boards, {} files, {} changed", all.len(), files.len(), changes.len());
    if arguments.check && !changes.is_empty() {
        eprintln!("boardgen: {} is stale: run `make boards`", arguments.out.display());
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
