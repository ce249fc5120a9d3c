SUMMARY = "Installs a PC from the stick it was started from, after a question"
HOMEPAGE = "https://roombox.example.org"

inherit roombox_tree

# Wanted by a target that only the boot menu starts.
SYSTEMD_AUTO_ENABLE:${PN} = "disable"
SYSTEMD_SERVICE:${PN} = "roombox-install@.service"
RDEPENDS:${PN} = "roombox-disk roomboxd-flash util-linux-flock"
