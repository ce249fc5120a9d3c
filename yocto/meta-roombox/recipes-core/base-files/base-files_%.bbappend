# The board's own fstab (roombox-board) and one name for every new box.
do_install:append() {
    rm -f ${D}${sysconfdir}/fstab
}
hostname:pn-base-files = "roombox"
