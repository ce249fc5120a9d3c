//! `roombox-media`, as it is shipped.

fn main() -> std::process::ExitCode {
    roombox_worker::command_line::run()
}
