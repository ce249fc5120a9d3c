SUMMARY = "What the daemon and the panel are made of, as CycloneDX beside the image"
HOMEPAGE = "https://roombox.example.org"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10"

PV = "${DISTRO_VERSION}"
S = "${UNPACKDIR}"
INHIBIT_DEFAULT_DEPS = "1"

inherit deploy nopackages
PACKAGE_ARCH = "${MACHINE_ARCH}"

do_configure[noexec] = "1"
do_compile[file-checksums] += "\
    ${ROOMBOX_TOP}/yocto/sbom.py:True \
    ${ROOMBOX_TOP}/Cargo.lock:True \
    ${ROOMBOX_TOP}/appliance/panel/package-lock.json:True \
"

# SPDX of every package is the build's own; lock files say which crates and npm packages ours hold.
do_compile() {
    python3 ${ROOMBOX_TOP}/yocto/sbom.py ${B}/sbom
}

do_install[noexec] = "1"

do_deploy() {
    install -m 0644 ${B}/sbom/*.cdx.json ${DEPLOYDIR}/
}
addtask deploy after do_compile before do_build
