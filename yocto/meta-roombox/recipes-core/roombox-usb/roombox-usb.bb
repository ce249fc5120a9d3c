SUMMARY = "USB sticks, read-only, for update bundles"
HOMEPAGE = "https://roombox.example.org"

inherit roombox_tree

RDEPENDS:${PN} = "roombox-disk util-linux-blkid util-linux-mount"
