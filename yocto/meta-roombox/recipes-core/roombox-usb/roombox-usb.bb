SUMMARY = "USB sticks: read-only for update bundles, written for copies of recordings"
HOMEPAGE = "https://roombox.example.org"

inherit roombox_tree

# The root is read-only: where a stick for copies is mounted must be there before.
do_install:append() {
    install -d ${D}/media/copies
}

FILES:${PN} += "/media/copies"

RDEPENDS:${PN} = "roombox-disk util-linux-blkid util-linux-findmnt util-linux-mount util-linux-mountpoint"
