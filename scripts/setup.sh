#!/bin/sh
# Sees to it that what a build, a demonstration or the tests need is on this machine.
# Usage: scripts/setup.sh run|demo|test|image
# Debian packages that are missing are named and installed; Rust and Node are checked, not touched.
set -eu

want=${1:-run}

run_packages="clang lld pkg-config libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev
gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-libav
glib-networking ca-certificates"
demo_packages="ffmpeg espeak-ng python3 python3-venv imagemagick fonts-dejavu-core iproute2"
test_packages="chromium coturn dbus firefox-esr iproute2 nftables procps gstreamer1.0-plugins-ugly mkvtoolnix shellcheck
nginx-light libnginx-mod-rtmp mosquitto rsyslog rsyslog-gnutls grub-common python3-gi gir1.2-gst-plugins-bad-1.0 gstreamer1.0-nice
openssh-server bmap-tools e2fsprogs fdisk dosfstools xz-utils rauc openssl prometheus libnss3-tools bind9"
# A PC's image is assembled and started on a PC.
if [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ]; then
    test_packages="$test_packages mmdebstrap qemu-system-x86 ovmf grub-efi-amd64-bin mtools squashfs-tools kmod
dnsmasq-base cryptsetup-bin"
fi
# The image suite's Arm machine, and the U-Boot that starts it.
image_packages="$test_packages qemu-system-arm qemu-user-static binfmt-support gcc-aarch64-linux-gnu u-boot-tools
bison flex bc libssl-dev device-tree-compiler dpkg-dev"

case $want in
run) packages=$run_packages ;;
demo) packages="$run_packages $demo_packages" ;;
test) packages="$run_packages $demo_packages $test_packages" ;;
image) packages="$run_packages $demo_packages $image_packages" ;;
*)
    echo "usage: $0 run|demo|test|image" >&2
    exit 2
    ;;
esac

fail() {
    echo "roombox: $1" >&2
    exit 1
}

# True if version $1 is at least $2.
at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

command -v cargo >/dev/null 2>&1 || fail "Rust is missing. Install it with:
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y && . \"\$HOME/.cargo/env\""
rust=$(rustc --version | cut -d ' ' -f 2)
at_least "$rust" 1.92.0 || fail "Rust $rust is too old (1.92 is needed). Update it with:
    rustup update stable"

command -v node >/dev/null 2>&1 || fail "Node is missing (20.19 or newer is needed for the panel). Install it with:
    curl -fsSL https://deb.nodesource.com/setup_22.x | sudo bash - && sudo apt-get install -y nodejs"
node=$(node --version | tr -d v)
at_least "$node" 20.19.0 || fail "Node $node is too old (20.19 is needed for the panel). Update it with:
    curl -fsSL https://deb.nodesource.com/setup_22.x | sudo bash - && sudo apt-get install -y nodejs"

if command -v dpkg-query >/dev/null 2>&1; then
    missing=""
    for package in $packages; do
        state=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
        [ "$state" = "install ok installed" ] || missing="$missing $package"
    done
    if [ -n "$missing" ]; then
        echo "roombox: installing$missing"
        as_root=""
        if [ "$(id -u)" != 0 ]; then
            command -v sudo >/dev/null 2>&1 || fail "these packages are missing and there is no sudo. As root, run:
    apt-get install -y$missing"
            as_root=sudo
        fi
        $as_root apt-get update -qq
        # shellcheck disable=SC2086
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing >/dev/null
    fi
else
    echo "roombox: this is not Debian: see to these packages yourself: $packages" >&2
fi
echo "roombox: Rust $rust, Node $node and the system packages are there"
