# Where the environment lies, and what the script of the sides asks for.
# nooelint: oelint.vars.noncoreoverride,oelint.vars.fileextrapaths,oelint.vars.outofcontext - of our boards alone; it lies outside the layer
FILESEXTRAPATHS:prepend:roombox-uboot := "${ROOMBOX_GENERATED}/boards/${ROOMBOX_BOARD}/boot:"
# nooelint: oelint.vars.noncoreoverride - of our boards alone
SRC_URI:append:roombox-uboot = " file://u-boot.cfg"
