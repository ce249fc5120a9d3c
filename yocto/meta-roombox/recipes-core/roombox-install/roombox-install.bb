SUMMARY = "Installs a PC from the stick it was started from, after a question"
HOMEPAGE = "https://roombox.example.org"

inherit roombox_tree

SYSTEMD_SERVICE:${PN} = "roombox-install.service"
RDEPENDS:${PN} = "roombox-disk roomboxd-flash"
