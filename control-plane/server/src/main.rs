//! `proctor-control-plane`: the cloud's end of the line.

fn main() -> std::process::ExitCode {
    control_plane_server::main(std::env::args_os())
}
