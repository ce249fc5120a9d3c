SUMMARY = "Growth, factory reset, and what lasts beside a read-only root"
HOMEPAGE = "https://roombox.example.org"

inherit roombox-tree

SYSTEMD_SERVICE:${PN} = "roombox-lasting.service roombox-reset.service roombox-reset-request.path var.mount tmp.mount"
RDEPENDS:${PN} = "roombox-board evtest e2fsprogs-mke2fs e2fsprogs-resize2fs util-linux-blkdiscard util-linux-mount"
