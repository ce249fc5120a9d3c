SUMMARY = "The image for a developer's desk: a root shell on the second serial line, ssh, gdb"
HOMEPAGE = "https://roombox.example.org"

require roombox-image.inc

IMAGE_FEATURES += "allow-root-login allow-empty-password empty-root-password ssh-server-dropbear tools-debug"
IMAGE_INSTALL += "roombox-debug strace v4l-utils alsa-utils htop"
