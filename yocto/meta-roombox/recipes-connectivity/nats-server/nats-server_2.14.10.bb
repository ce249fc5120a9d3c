SUMMARY = "NATS: the box's leaf node and, on a hub, the fleet's server"
HOMEPAGE = "https://nats.io"
# Its modules' licences beside its own.
LICENSE = "Apache-2.0 & BSD-3-Clause & MIT"
LIC_FILES_CHKSUM = "file://src/${GO_IMPORT}/LICENSE;md5=86d3f3a95c324c9479bd8986968f4327"

GO_IMPORT = "github.com/nats-io/nats-server/v2"
# The module's own archive: its checksum stands in Go's public log.
SRC_URI = "https://proxy.golang.org/${GO_IMPORT}/@v/v${PV}.zip;downloadfilename=${BP}.zip;subdir=${BP}/src"
SRC_URI[sha256sum] = "7a16bb7266e8506f0ab520904b244e6e5d4ad1f5fe816402f2a970739f992a6e"
require nats-server-go-mods.inc

inherit go-mod

# The archive's folder carries the version; Go looks for it without.
do_unpack[postfuncs] += "nats_server_folder"
nats_server_folder() {
    mv "${S}/src/${GO_IMPORT}@v${PV}" "${S}/src/${GO_IMPORT}"
}

# The server alone; its tools and tests are not for the image.
GO_INSTALL = "${GO_IMPORT}"
GO_LINKSHARED = ""
export CGO_ENABLED = "0"
GO_EXTRA_LDFLAGS = "-s -w"
