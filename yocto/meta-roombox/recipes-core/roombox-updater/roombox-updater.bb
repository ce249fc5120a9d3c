SUMMARY = "Whom the updater trusts, and the oldest version that it may install"
HOMEPAGE = "https://roombox.example.org"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10"

INHIBIT_DEFAULT_DEPS = "1"
PACKAGE_ARCH = "${MACHINE_ARCH}"
do_configure[noexec] = "1"
do_compile[noexec] = "1"
do_install[file-checksums] += "${ROOMBOX_KEYRING_FILE}:True"

do_install() {
    if [ ! -s "${ROOMBOX_KEYRING_FILE}" ]; then
        bbfatal "${ROOMBOX_KEYRING_FILE} is missing: make a development pair with scripts/bundle-keys.sh ${ROOMBOX_KEYS}, or name yours in ROOMBOX_KEYRING_FILE"
    fi
    install -D -m 0644 ${ROOMBOX_KEYRING_FILE} ${D}${sysconfdir}/rauc/ca.pem
    install -d ${D}${nonarch_libdir}/roombox
    echo "${ROOMBOX_UPDATE_FLOOR}" >${D}${nonarch_libdir}/roombox/floor
}

FILES:${PN} += "${nonarch_libdir}/roombox"
# system.conf is the board's.
RDEPENDS:${PN} = "roombox-board"
RPROVIDES:${PN} += "virtual-rauc-conf"
