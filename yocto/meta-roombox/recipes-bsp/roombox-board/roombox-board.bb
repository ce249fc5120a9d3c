SUMMARY = "What boardgen made of this board: mounts, links, updater configuration, codecs"
HOMEPAGE = "https://roombox.example.org"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10"

# nooelint: oelint.vars.fileextrapaths,oelint.vars.outofcontext - what boardgen made lies outside the layer
FILESEXTRAPATHS:prepend := "${ROOMBOX_TOP}/yocto/generated/boards:"

SRC_URI = "file://stage.list \
           file://${ROOMBOX_BOARD}"
S = "${UNPACKDIR}"
INHIBIT_DEFAULT_DEPS = "1"
PACKAGE_ARCH = "${MACHINE_ARCH}"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    grep -v '^#' ${UNPACKDIR}/stage.list | while read -r from to; do
        from=${UNPACKDIR}/${ROOMBOX_BOARD}/$from
        if [ -d "$from" ]; then
            install -d ${D}$to
            install -m 0644 "$from"/* ${D}$to/
        elif [ -e "$from" ]; then
            install -D -m 0644 "$from" ${D}$to
        fi
    done
}

FILES:${PN} += "${nonarch_libdir} ${datadir}"
