SUMMARY = "The boot state kept sane, and the diary of boots"
HOMEPAGE = "https://roombox.example.org"

inherit roombox_tree

SYSTEMD_SERVICE:${PN} = "roombox-boot-state.service"
RDEPENDS:${PN} = "rauc roombox-board util-linux-blkid util-linux-mountpoint"
