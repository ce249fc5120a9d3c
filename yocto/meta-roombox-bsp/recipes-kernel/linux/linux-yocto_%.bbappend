# Our PCs are linux-yocto's.
# nooelint: oelint.vars.noncoreoverride - a search path alone changes no build
FILESEXTRAPATHS:prepend := "${THISDIR}/files:"

COMPATIBLE_MACHINE:roombox-x86-64 = "roombox-x86-64"
COMPATIBLE_MACHINE:roombox-qemu-x86-64 = "roombox-qemu-x86-64"
KMACHINE:roombox-x86-64 = "common-pc-64"
KMACHINE:roombox-qemu-x86-64 = "common-pc-64"
KBRANCH:roombox-x86-64 = "v6.18/standard/base"
KBRANCH:roombox-qemu-x86-64 = "v6.18/standard/base"
SRC_URI:append:roombox-x86-64 = " file://roombox.cfg"
SRC_URI:append:roombox-qemu-x86-64 = " file://roombox.cfg"
