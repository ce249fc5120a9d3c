SUMMARY = "The update of one board, signed"
HOMEPAGE = "https://roombox.example.org"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10"

inherit bundle

# What a box compares before it writes anything. `compatible` is the board's, generated.
RAUC_BUNDLE_VERSION = "${DISTRO_VERSION}"
RAUC_BUNDLE_DESCRIPTION = "Roombox"
RAUC_BUNDLE_FORMAT = "verity"
BUNDLE_ARGS += ' --mksquashfs-args="-comp zstd -Xcompression-level 1"'

# An update is published with what is in it: the image's SPDX, which nothing else here waits for.
do_build[depends] += "roombox-image:do_create_image_sbom_spdx"

# The root, and the slot that the loader reads where it cannot read the root.
RAUC_BUNDLE_SLOTS = "rootfs ${ROOMBOX_BOOT_SLOT}"
RAUC_SLOT_rootfs = "roombox-image"
RAUC_SLOT_rootfs[fstype] = "squashfs-zst"
RAUC_SLOT_rootfs[rename] = "rootfs.img"
RAUC_SLOT_kernel = "roombox-boot-slots"
RAUC_SLOT_kernel[type] = "file"
RAUC_SLOT_kernel[file] = "roombox-kernel.ext4"
RAUC_SLOT_kernel[rename] = "kernel.img"
RAUC_SLOT_boot = "roombox-boot-slots"
RAUC_SLOT_boot[type] = "file"
RAUC_SLOT_boot[file] = "roombox-boot.vfat"
RAUC_SLOT_boot[rename] = "boot.vfat"
