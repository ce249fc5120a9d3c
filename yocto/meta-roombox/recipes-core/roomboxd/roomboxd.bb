SUMMARY = "roomboxd: meetings and recordings; roombox-media: films; roomflash: writes disks"
HOMEPAGE = "https://roombox.example.org"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE;md5=3b83ef96387f14655fc854ddc3c6bd57"

DEPENDS = "\
    cmake-native \
    glib-2.0 \
    gstreamer1.0 \
    gstreamer1.0-plugins-bad \
    gstreamer1.0-plugins-base \
    roombox-panel \
"

PV = "${DISTRO_VERSION}"

# The checkout that this layer lies in is what is built, unless a release names a commit:
#   ROOMBOX_GIT = "git://…;protocol=https;branch=main" and SRCREV.
ROOMBOX_GIT ?= ""
SRC_URI = "${ROOMBOX_GIT} file://root"
SRCREV ?= "0000000000000000000000000000000000000000"
EXTERNALSRC = "${@'' if d.getVar('ROOMBOX_GIT') else d.getVar('ROOMBOX_TOP')}"
EXTERNALSRC_BUILD = "${WORKDIR}/build"

inherit cargo pkgconfig systemd useradd externalsrc

# Every crate of Cargo.lock with its checksum: written by boardgen, compared by a test.
# nooelint: oelint.file.requirenotfound - it lies outside the layer
require ${ROOMBOX_TOP}/yocto/generated/roombox-crates.inc

# The panel is built elsewhere and embedded. SQLite is the one that the tests ran with, built in: an
# image's own may be older than what the database was written by.
CARGO_BUILD_FLAGS += "--package roomboxd --package roombox-worker --package roombox-flash --bin roomboxd --bin roombox-media --bin roomflash"
export ROOMBOX_PANEL_DIR = "${RECIPE_SYSROOT}${datadir}/roombox/panel"

do_install:append() {
    cp -R --no-dereference --preserve=mode,links,timestamps ${UNPACKDIR}/root/. ${D}
    chown -R root:root ${D}${nonarch_libdir} ${D}${datadir}
    # It describes boards to the build: no box has a use for it.
    rm -f ${D}${bindir}/boardgen
}

SYSTEMD_SERVICE:${PN} = "roomboxd.service"
USERADD_PACKAGES = "${PN}"
GROUPADD_PARAM:${PN} = "--system roombox; --system render"
USERADD_PARAM:${PN} = "--system --home-dir /data/roombox --no-create-home --shell /sbin/nologin --gid roombox --groups video,audio,render roombox"

PACKAGES =+ "${PN}-flash"
FILES:${PN}-flash += "${bindir}/roomflash"
FILES:${PN} += "${nonarch_libdir}/systemd ${nonarch_libdir}/sysusers.d ${nonarch_libdir}/tmpfiles.d ${datadir}/polkit-1 ${datadir}/dbus-1"

RDEPENDS:${PN} = "\
    ca-certificates \
    glib-networking \
    gstreamer1.0 \
    gstreamer1.0-plugins-bad-aom \
    gstreamer1.0-plugins-bad-mpegtsmux \
    gstreamer1.0-plugins-bad-openh264 \
    gstreamer1.0-plugins-bad-rtmp2 \
    gstreamer1.0-plugins-bad-srt \
    gstreamer1.0-plugins-bad-v4l2codecs \
    gstreamer1.0-plugins-bad-va \
    gstreamer1.0-plugins-bad-videoparsersbad \
    gstreamer1.0-plugins-bad-voaacenc \
    gstreamer1.0-plugins-base-app \
    gstreamer1.0-plugins-base-audioconvert \
    gstreamer1.0-plugins-base-audioresample \
    gstreamer1.0-plugins-base-opus \
    gstreamer1.0-plugins-base-typefindfunctions \
    gstreamer1.0-plugins-base-videoconvertscale \
    gstreamer1.0-plugins-good-audioparsers \
    gstreamer1.0-plugins-good-flac \
    gstreamer1.0-plugins-good-flv \
    gstreamer1.0-plugins-good-jpeg \
    gstreamer1.0-plugins-good-video4linux2 \
    gstreamer1.0-plugins-good-vpx \
    nats-server \
    ttf-dejavu-sans \
    util-linux-chrt \
    util-linux-ionice \
"
