# The board's own fstab (roombox-board) and one name for every new box.
# nooelint: oelint.func.specific - the distribution is ours
do_install:append:roombox() {
    rm -f ${D}${sysconfdir}/fstab
}
hostname:roombox = "roombox"
