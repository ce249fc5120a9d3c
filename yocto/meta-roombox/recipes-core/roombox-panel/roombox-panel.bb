SUMMARY = "The panel's pages, built once by Vite and the same for every board"
HOMEPAGE = "https://roombox.example.org"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://${ROOMBOX_TOP}/LICENSE;md5=3b83ef96387f14655fc854ddc3c6bd57"

PV = "${DISTRO_VERSION}"

# Node builds them, and Node is not in the build of an image: `make panel` in the checkout first, or a
# release's archive with its checksum:
#   ROOMBOX_PANEL_URI = "https://…/roombox-panel-${PV}.tar.zst;sha256sum=…"
ROOMBOX_PANEL_URI ?= ""
SRC_URI = "${ROOMBOX_PANEL_URI}"
S = "${UNPACKDIR}"
INHIBIT_DEFAULT_DEPS = "1"

inherit allarch

do_configure[noexec] = "1"
do_compile[noexec] = "1"
do_install[file-checksums] += "${ROOMBOX_TOP}/appliance/panel/dist:True"

do_install() {
    pages=${ROOMBOX_TOP}/appliance/panel/dist
    if [ -n "${ROOMBOX_PANEL_URI}" ]; then
        pages=${UNPACKDIR}/dist
    fi
    if [ ! -e "$pages/index.html" ]; then
        bbfatal "$pages has no pages: run 'make panel' in the checkout, or name an archive in ROOMBOX_PANEL_URI"
    fi
    install -d ${D}${datadir}/roombox/panel
    cp -R --no-dereference $pages/. ${D}${datadir}/roombox/panel
}

FILES:${PN} += "${datadir}/roombox/panel"
# Embedded in the daemon: only its build wants it.
ALLOW_EMPTY:${PN} = "1"
SYSROOT_DIRS += "${datadir}/roombox"
