SUMMARY = "What a board's hardware wants: firmware, drivers of encoders"
HOMEPAGE = "https://roombox.example.org"

PACKAGE_ARCH = "${MACHINE_ARCH}"

inherit packagegroup

# openembedded-core has these in packagegroup-base, with much that no box needs.
RDEPENDS:${PN} = "${MACHINE_EXTRA_RDEPENDS}"
RRECOMMENDS:${PN} = "${@accepted_extras(d)}"

def accepted_extras(d):
    """What the machine recommends, without firmware whose licence nobody accepted: bitbake would stop at a
    recommendation that it may not build (yocto/kas/pi-wifi.yml)."""
    extras = (d.getVar("MACHINE_EXTRA_RRECOMMENDS") or "").split()
    if "synaptics-killswitch" in (d.getVar("LICENSE_FLAGS_ACCEPTED") or "").split():
        return " ".join(extras)
    return " ".join(name for name in extras if not name.startswith("linux-firmware-rpidistro"))
