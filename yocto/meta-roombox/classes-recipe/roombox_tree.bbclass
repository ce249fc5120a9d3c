# A recipe whose files/root is a piece of the image as it is: units, scripts, rules. The stand-in of the
# tests lays the same trees over its root.

LICENSE ?= "Apache-2.0"
LIC_FILES_CHKSUM ?= "file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10"
SRC_URI:append = " file://root"
S = "${UNPACKDIR}"
INHIBIT_DEFAULT_DEPS = "1"

inherit allarch systemd features_check
REQUIRED_DISTRO_FEATURES = "systemd usrmerge"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    cp -R --no-dereference --preserve=mode,links,timestamps ${UNPACKDIR}/root/. ${D}
    chown -R root:root ${D}
}

FILES:${PN} += "${nonarch_libdir} ${datadir}"
