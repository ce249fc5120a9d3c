SUMMARY = "The EFI system partition: GRUB, its script, a valid boot state"
HOMEPAGE = "https://roombox.example.org"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10"

# nooelint: oelint.vars.fileextrapaths,oelint.vars.outofcontext - what boardgen made lies outside the layer
FILESEXTRAPATHS:prepend := "${ROOMBOX_GENERATED}/boards/${ROOMBOX_BOARD}/boot:"
DEPENDS = "dosfstools-native grub-efi grub-native mtools-native"

SRC_URI = "file://grub.cfg"
S = "${UNPACKDIR}"

inherit deploy nopackages
PACKAGE_ARCH = "${MACHINE_ARCH}"
COMPATIBLE_MACHINE = "(roombox-x86-64|roombox-qemu-x86-64)"

do_configure[noexec] = "1"
do_compile[depends] += "grub-efi:do_deploy"

# In KiB: the partition's size in the board's layout.
ESP_SIZE = "131072"

do_compile() {
    grub-editenv ${B}/grubenv create
    grub-editenv ${B}/grubenv set "ORDER=A B" A_OK=1 A_TRY=0 B_OK=0 B_TRY=0
    rm -f ${B}/roombox-esp.vfat
    mkfs.vfat -F 32 -n ESP -C ${B}/roombox-esp.vfat ${ESP_SIZE}
    mmd -i ${B}/roombox-esp.vfat ::/EFI ::/EFI/BOOT
    mcopy -i ${B}/roombox-esp.vfat ${DEPLOY_DIR_IMAGE}/grub-efi-bootx64.efi ::/EFI/BOOT/BOOTX64.EFI
    mcopy -i ${B}/roombox-esp.vfat ${UNPACKDIR}/grub.cfg ${B}/grubenv ::/EFI/BOOT/
}

do_install[noexec] = "1"

do_deploy() {
    install -m 0644 ${B}/roombox-esp.vfat ${DEPLOYDIR}/
}
addtask deploy after do_compile before do_build
