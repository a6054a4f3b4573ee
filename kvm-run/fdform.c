/* SPDX-License-Identifier: ISC */
/* What a descriptor is; the contracts are in fdform.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/vfio.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kvm-run/fdform.h"

#define VHOST_NET_DEV makedev(10, 238) /* include/linux/miscdevice.h: VHOST_NET_MINOR */
#define VFIO_DEV makedev(10, 196)      /* VFIO_MINOR */

static int
socket_option(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) < 0 ? -1 : value;
}

static enum fd_form
socket_form(int fd)
{
	int domain = socket_option(fd, SO_DOMAIN), type = socket_option(fd, SO_TYPE);

	if (socket_option(fd, SO_ACCEPTCONN) == 1)
		return type == SOCK_STREAM ? FORM_LISTEN : FORM_OTHER;
	switch (type) {
	case SOCK_STREAM:
		return FORM_STREAM;
	case SOCK_SEQPACKET:
		return FORM_SEQPACKET;
	case SOCK_DGRAM:
		/* Netlink and others call themselves dgram too. */
		return domain == AF_UNIX || domain == AF_INET || domain == AF_INET6 ? FORM_DGRAM : FORM_OTHER;
	default:
		return FORM_OTHER;
	}
}

static bool
is_vfio_group(int fd)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};

	return ioctl(fd, VFIO_GROUP_GET_STATUS, &status) == 0;
}

/* The kernel has such descriptors as files of no type. */
static bool
is_vfio_device(int fd)
{
	struct vfio_device_info info = {.argsz = sizeof(info)};

	return ioctl(fd, VFIO_DEVICE_GET_INFO, &info) == 0;
}

static enum fd_form
char_form(int fd, dev_t dev)
{
	struct ifreq ifr;

	if (isatty(fd))
		return FORM_TTY;
	if (dev == VHOST_NET_DEV)
		return FORM_VHOST;
	if (dev == VFIO_DEV)
		return FORM_VFIO;
	if (is_vfio_group(fd))
		return FORM_VFIO_GROUP;
	if (ioctl(fd, TUNGETIFF, &ifr) == 0)
		return ifr.ifr_flags & IFF_TAP ? FORM_TAP : FORM_TUN;
	return errno == EBADFD ? FORM_TUN : FORM_CHAR;
}

enum fd_form
fd_form(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return FORM_OTHER;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		return FORM_FILE;
	case S_IFBLK:
		return FORM_BLOCK;
	case S_IFIFO:
		return FORM_FIFO;
	case S_IFCHR:
		return char_form(fd, st.st_rdev);
	case S_IFSOCK:
		return socket_form(fd);
	default:
		return is_vfio_device(fd) ? FORM_VFIO_DEVICE : FORM_OTHER;
	}
}

const char *
fd_form_name(enum fd_form form)
{
	switch (form) {
	case FORM_FILE:
		return "a regular file";
	case FORM_BLOCK:
		return "a block device";
	case FORM_TTY:
		return "a terminal";
	case FORM_CHAR:
		return "a character device";
	case FORM_TAP:
		return "a tap";
	case FORM_TUN:
		return "a tun without a tap";
	case FORM_VHOST:
		return "a vhost-net device";
	case FORM_FIFO:
		return "a pipe";
	case FORM_STREAM:
		return "a stream socket";
	case FORM_LISTEN:
		return "a listening socket";
	case FORM_SEQPACKET:
		return "a seqpacket socket";
	case FORM_DGRAM:
		return "a dgram socket";
	case FORM_VFIO_DEVICE:
		return "a VFIO device";
	case FORM_VFIO_GROUP:
		return "a VFIO group";
	case FORM_VFIO:
		return "a VFIO container";
	default:
		return "something else";
	}
}

static bool
bound_to_group(int fd)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_storage room;
	} u = {.room = {0}};
	socklen_t len = sizeof(u);

	if (getsockname(fd, &u.sa, &len) < 0)
		return false;
	if (u.sa.sa_family == AF_INET)
		return IN_MULTICAST(ntohl(u.in.sin_addr.s_addr));
	return u.sa.sa_family == AF_INET6 && IN6_IS_ADDR_MULTICAST(&u.in6.sin6_addr);
}

bool
fd_socket_has_peer(int fd)
{
	struct sockaddr_storage room;
	socklen_t len = sizeof(room);

	return getpeername(fd, (struct sockaddr *)&room, &len) == 0 || bound_to_group(fd);
}

bool
fd_tap_same(int a, int b)
{
	struct ifreq x, y;

	return ioctl(a, TUNGETIFF, &x) == 0 && ioctl(b, TUNGETIFF, &y) == 0 &&
	       !strncmp(x.ifr_name, y.ifr_name, sizeof(x.ifr_name));
}

unsigned
fd_tap_flags(int fd)
{
	struct ifreq ifr;

	return ioctl(fd, TUNGETIFF, &ifr) == 0 ? (unsigned short)ifr.ifr_flags : 0;
}

bool
fd_is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}
