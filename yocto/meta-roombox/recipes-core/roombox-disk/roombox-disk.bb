SUMMARY = "Growth, factory reset, and what lasts beside a read-only root"
HOMEPAGE = "https://roombox.example.org"

inherit roombox_tree

SYSTEMD_SERVICE:${PN} = "roombox-lasting.service roombox-reset.service roombox-reset-request.path var.mount tmp.mount"
RDEPENDS:${PN} = "e2fsprogs-mke2fs e2fsprogs-resize2fs evtest roombox-board util-linux-blkdiscard util-linux-mount"
