/* SPDX-License-Identifier: ISC */
/* Taps (tun driver, Documentation/networking/tuntap.rst); the contracts are in tap.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/diag.h"
#include "vm-tap/settle.h"
#include "vm-tap/tap.h"

#define TUN "/dev/net/tun"

int
tap_open_tun(void)
{
	int fd = open(TUN, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		die(TUN ": there is none: modprobe tun, or mknod " TUN " c 10 200");
	if (errno == ENODEV || errno == ENXIO)
		die(TUN ": this kernel has no tun driver: modprobe tun");
	if (errno == EACCES)
		die(TUN ": Permission denied: chmod 666 " TUN " lets everybody use the taps made for them");
	die_sys(TUN);
}

static _Noreturn void
cannot_attach(const char *name)
{
	if (errno == EBUSY)
		die("%s: some process has it open already", name);
	if (errno == EPERM)
		die("%s: Operation not permitted: it takes root, CAP_NET_ADMIN, or a tap made for this user", name);
	die_sys("%s", name);
}

/* The first one may make the tap, by a name that the kernel completes; the others are queues of it. */
static void
open_queues(struct tap *t, const struct want *w, unsigned n, short flags)
{
	struct ifreq ifr = {.ifr_flags = flags};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", w->name ? w->name : TAP_NAME);
	for (t->n = 0; t->n < n; t->n++) {
		t->fds[t->n] = tap_open_tun();
		if (ioctl(t->fds[t->n], TUNSETIFF, &ifr) < 0)
			cannot_attach(ifr.ifr_name);
		ifr.ifr_flags = (short)(flags & ~IFF_TUN_EXCL);
	}
	memcpy(t->name, ifr.ifr_name, sizeof(t->name));
	if (w->sndbuf && ioctl(t->fds[0], TUNSETSNDBUF, &w->sndbuf) < 0)
		die_sys("%s: sndbuf", t->name);
}

short
tap_flags(const struct want *w)
{
	return (short)(IFF_TAP | IFF_NO_PI | (w->plain ? 0 : IFF_VNET_HDR) | (w->queues > 1 ? IFF_MULTI_QUEUE : 0));
}

static void
close_queues(struct tap *t)
{
	while (t->n)
		close(t->fds[--t->n]);
}

unsigned
tap_mtu(const struct want *w, const struct link *bridge)
{
	if (w->mtu || !bridge)
		return w->mtu ? w->mtu : 1500;
	return bridge->mtu < TAP_MTU_MAX ? bridge->mtu : TAP_MTU_MAX;
}

static void
make(struct netlink *nl, const struct want *w, struct tap *t, unsigned n)
{
	struct ifreq ifr = {0};
	struct link bridge, *on = NULL;

	if (w->bridge) {
		on = &bridge;
		link_get_bridge(nl, w->bridge, on);
	}
	open_queues(t, w, n, (short)(tap_flags(w) | IFF_TUN_EXCL));
	memcpy(ifr.ifr_name, t->name, sizeof(t->name));
	if (ioctl(nl->fd, SIOCGIFINDEX, &ifr) < 0)
		die_sys("%s", t->name);
	t->index = ifr.ifr_ifindex;
	t->mtu = tap_mtu(w, on);
	if (settle(nl, w, t, on))
		die("%s", nl->why);
}

bool
tap_there(struct netlink *nl, const struct want *w, struct link *have)
{
	int err = w->name && !strchr(w->name, '%') ? link_get(nl, w->name, have) : -ENODEV;

	if (err && err != -ENODEV)
		die("%s", nl->why);
	return !err;
}

void
tap_take(struct netlink *nl, const struct want *w, struct tap *t)
{
	struct want as = *w;
	struct link have;

	if (!tap_there(nl, w, &have)) {
		make(nl, w, t, w->queues);
		return;
	}
	compare_opened(nl, w, &have);
	as.plain = !have.tun.header;
	open_queues(t, &as, w->queues, (short)(tap_flags(&as) | (have.tun.many ? IFF_MULTI_QUEUE : 0)));
	t->index = have.index;
	t->mtu = have.mtu;
}

static void
persist(const struct want *w, const struct tap *t)
{
	int fd = t->fds[0];

	if (w->has_owner && ioctl(fd, TUNSETOWNER, (unsigned long)w->owner) < 0)
		die_sys("%s: owner", t->name);
	if (w->has_group && ioctl(fd, TUNSETGROUP, (unsigned long)w->group) < 0)
		die_sys("%s: group", t->name);
	if (ioctl(fd, TUNSETPERSIST, 1UL) < 0)
		die_sys("%s", t->name);
}

bool
tap_add(struct netlink *nl, const struct want *w, struct tap *t)
{
	struct link have;

	if (tap_there(nl, w, &have)) {
		compare_added(nl, w, &have);
		strcpy(t->name, have.name);
		return false;
	}
	make(nl, w, t, 1);
	persist(w, t);
	close_queues(t);
	return true;
}
