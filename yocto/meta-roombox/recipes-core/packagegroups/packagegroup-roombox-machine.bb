SUMMARY = "What a board's hardware wants: firmware, drivers of encoders"
HOMEPAGE = "https://roombox.example.org"

PACKAGE_ARCH = "${MACHINE_ARCH}"

inherit packagegroup

# openembedded-core has these in packagegroup-base, with much that no box needs.
RDEPENDS:${PN} = "${MACHINE_EXTRA_RDEPENDS}"
RRECOMMENDS:${PN} = "${MACHINE_EXTRA_RRECOMMENDS}"
