SUMMARY = "The first FAT of a board with U-Boot: the script that chooses the side"
HOMEPAGE = "https://roombox.example.org"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10"

# nooelint: oelint.vars.fileextrapaths,oelint.vars.outofcontext - what boardgen made lies outside the layer
FILESEXTRAPATHS:prepend := "${ROOMBOX_GENERATED}/boards/${ROOMBOX_BOARD}/boot:"
DEPENDS = "dosfstools-native mtools-native u-boot-tools-native"
INHIBIT_DEFAULT_DEPS = "1"

SRC_URI = "file://boot.cmd"
S = "${UNPACKDIR}"

inherit deploy nopackages
PACKAGE_ARCH = "${MACHINE_ARCH}"
COMPATIBLE_MACHINE = "roombox-uboot"

do_configure[noexec] = "1"

# In KiB: the partition's size in the layouts.
BOOT_SIZE = "65536"

do_compile() {
    uboot-mkimage -A arm64 -T script -C none -n roombox -d ${UNPACKDIR}/boot.cmd ${B}/boot.scr
    rm -f ${B}/roombox-boot.vfat
    mkfs.vfat -F 32 -n BOOT -C ${B}/roombox-boot.vfat ${BOOT_SIZE}
    mcopy -i ${B}/roombox-boot.vfat ${B}/boot.scr ::/
}

do_install[noexec] = "1"

do_deploy() {
    install -m 0644 ${B}/roombox-boot.vfat ${DEPLOYDIR}/
}
addtask deploy after do_compile before do_build
