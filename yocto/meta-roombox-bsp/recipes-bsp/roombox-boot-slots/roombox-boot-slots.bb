SUMMARY = "What the loader reads of one side: a kernel, on a Pi firmware too"
HOMEPAGE = "https://roombox.example.org"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10"

# nooelint: oelint.vars.fileextrapaths,oelint.vars.outofcontext - what boardgen made lies outside the layer
FILESEXTRAPATHS:prepend := "${ROOMBOX_GENERATED}/boards/${ROOMBOX_BOARD}:"
DEPENDS = "dosfstools-native e2fsprogs-native mtools-native"
INHIBIT_DEFAULT_DEPS = "1"

SRC_URI = "${@'file://boot' if d.getVar('ROOMBOX_BOOT_SLOT') == 'boot' else ''}"
S = "${UNPACKDIR}"

inherit deploy nopackages
PACKAGE_ARCH = "${MACHINE_ARCH}"

do_configure[noexec] = "1"
do_install[noexec] = "1"
do_compile[depends] += "virtual/kernel:do_deploy"
do_compile[depends] += "${@'rpi-bootfiles:do_deploy' if d.getVar('ROOMBOX_BOOT_SLOT') == 'boot' else ''}"
do_compile[cleandirs] = "${B}/content"

# In KiB: the partitions' sizes in the layouts.
KERNEL_SLOT_SIZE = "32768"
BOOT_SLOT_SIZE = "131072"

do_compile() {
    case "${ROOMBOX_BOOT_SLOT}" in
    kernel)
        cp -L ${DEPLOY_DIR_IMAGE}/${KERNEL_IMAGETYPE} ${B}/content/bzImage
        rm -f ${B}/roombox-kernel.ext4
        mke2fs -q -t ext4 -O ^has_journal -m 0 -L kernel -d ${B}/content ${B}/roombox-kernel.ext4 ${KERNEL_SLOT_SIZE}k
        ;;
    boot)
        cp -RL ${DEPLOY_DIR_IMAGE}/bootfiles/. ${B}/content/
        cp -L ${DEPLOY_DIR_IMAGE}/${KERNEL_IMAGETYPE} ${B}/content/
        for tree in ${KERNEL_DEVICETREE}; do
            case $tree in
            overlays/*) install -D -m 0644 ${DEPLOY_DIR_IMAGE}/$(basename $tree) ${B}/content/$tree ;;
            *) cp -L ${DEPLOY_DIR_IMAGE}/$(basename $tree) ${B}/content/ ;;
            esac
        done
        # Both sides hold the same files and tell themselves apart by the partition they were read from.
        cat ${UNPACKDIR}/boot/config-sides.txt >>${B}/content/config.txt
        cp ${UNPACKDIR}/boot/cmdline-a.txt ${UNPACKDIR}/boot/cmdline-b.txt ${B}/content/
        rm -f ${B}/roombox-boot.vfat ${B}/roombox-firmware.vfat
        mkfs.vfat -F 32 -n BOOT -C ${B}/roombox-boot.vfat ${BOOT_SLOT_SIZE}
        mcopy -s -i ${B}/roombox-boot.vfat ${B}/content/* ::/
        # The first FAT: which side, and a place for roombox.toml.
        mkfs.vfat -F 32 -n FIRMWARE -C ${B}/roombox-firmware.vfat ${BOOT_SLOT_SIZE}
        mcopy -i ${B}/roombox-firmware.vfat ${UNPACKDIR}/boot/autoboot.txt ::/
        ;;
    esac
}

do_deploy() {
    for image in roombox-kernel.ext4 roombox-boot.vfat roombox-firmware.vfat; do
        if [ -e ${B}/$image ]; then
            install -m 0644 ${B}/$image ${DEPLOYDIR}/
        fi
    done
}
addtask deploy after do_compile before do_build
