SUMMARY = "The health gate: a version is good, or the old one comes back"
HOMEPAGE = "https://roombox.example.org"

inherit roombox_tree

SYSTEMD_SERVICE:${PN} = "roombox-health.service"
RDEPENDS:${PN} = "rauc roombox-boot-state roomboxd"
