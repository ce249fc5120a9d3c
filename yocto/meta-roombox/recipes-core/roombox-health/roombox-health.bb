SUMMARY = "The health gate: a version is good, or the old one comes back"
HOMEPAGE = "https://roombox.example.org"

inherit roombox-tree

SYSTEMD_SERVICE:${PN} = "roombox-health.service"
RDEPENDS:${PN} = "roombox roombox-boot-state rauc"
