/* SPDX-License-Identifier: ISC */
/* Macvtaps (drivers/net/macvtap.c, tap.c of Linux); the contracts are in macvtap.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/keeper.h"
#include "vm-tap/macvtap.h"
#include "vm-tap/node.h"
#include "vm-tap/tap.h"

static int
create(struct netlink *nl, const struct want *w, const struct link *lower, const char *name)
{
	struct ifinfomsg head = {.ifi_family = AF_UNSPEC, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct netlink_batch b = {0};
	struct nl_msg *m = netlink_add(&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head), "%s", name);
	struct nlattr *info, *data;

	nla_put_string(m, IFLA_IFNAME, name);
	nla_put_u32(m, IFLA_LINK, (uint32_t)lower->index);
	if (w->mtu)
		nla_put_u32(m, IFLA_MTU, w->mtu);
	if (w->has_mac)
		nla_put(m, IFLA_ADDRESS, 6, w->mac);
	info = nla_nest_start(m, IFLA_LINKINFO);
	nla_put_string(m, IFLA_INFO_KIND, "macvtap");
	data = nla_nest_start(m, IFLA_INFO_DATA);
	nla_put_u32(m, IFLA_MACVLAN_MODE, w->mode);
	nla_nest_end(m, data);
	nla_nest_end(m, info);
	return netlink_commit(nl, &b, NULL);
}

/* The kernel would count too, but tells the name only since 6.2. */
static int
create_counted(struct netlink *nl, const struct want *w, const struct link *lower, char name[IFNAMSIZ])
{
	const char *pattern = w->name ? w->name : MACVTAP_NAME, *percent = strchr(pattern, '%');
	int err = -EEXIST;

	for (unsigned i = 0; err == -EEXIST && i < 4096; i++) {
		if (!percent)
			snprintf(name, IFNAMSIZ, "%s", pattern);
		else if (snprintf(name, IFNAMSIZ, "%.*s%u%s", (int)(percent - pattern), pattern, i, percent + 2) >= IFNAMSIZ)
			break;
		err = create(nl, w, lower, name);
		if (!percent)
			break;
	}
	return err;
}

void
macvtap_lower(struct netlink *nl, const struct want *w, struct link *l)
{
	int err = link_get(nl, w->lower, l);

	if (err == -ENODEV)
		die("%s: no such device", w->lower);
	if (err)
		die("%s", nl->why);
	if (!(l->flags & IFF_UP))
		die("%s: is down: ip link set %s up", w->lower, w->lower);
}

bool
macvtap_add(struct netlink *nl, const struct want *w, struct tap *t)
{
	struct link lower, l;
	int err;

	macvtap_lower(nl, w, &lower);
	err = create_counted(nl, w, &lower, t->name);
	if (err == -EBUSY)
		die("%s: a port of a bridge, or another's already, so nothing can branch off: use the bridge (-b)", w->lower);
	if (err && err != -EEXIST)
		die("%s", nl->why);
	if (link_get(nl, t->name, &l))
		die("%s", nl->why);
	if (err)
		compare_macvtap(w, &lower, &l);
	t->index = l.index;
	t->mtu = l.mtu;
	memcpy(t->mac, l.mac, 6);
	return !err;
}

/* sysfs as this network namespace sees it: what is mounted on /sys may be another's. */
static int
open_sysfs(void)
{
	int fs = fsopen("sysfs", FSOPEN_CLOEXEC), dir = -1;

	if (fs >= 0 && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		dir = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (fs >= 0)
		close(fs);
	return dir >= 0 ? dir : open("/sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The number of its character device, which the kernel gives out as it likes. */
static dev_t
device_of(const struct tap *t)
{
	unsigned major, minor;
	char path[64], text[32] = "";
	int sys = open_sysfs(), fd;

	snprintf(path, sizeof(path), "class/macvtap/tap%d/dev", t->index);
	fd = openat(sys, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die_sys("%s: /sys/%s", t->name, path);
	if (fd_read_all(fd, text, sizeof(text) - 1) < 0 || sscanf(text, "%u:%u", &major, &minor) != 2)
		die("%s: /sys/%s: no device number", t->name, path);
	close(fd);
	close(sys);
	return makedev(major, minor);
}

static void
open_queues(const struct want *w, struct tap *t)
{
	struct ifreq ifr = {.ifr_flags = tap_flags(w)};
	dev_t dev = device_of(t);
	char path[32];

	snprintf(path, sizeof(path), "/dev/tap%d", t->index);
	for (t->n = 0; t->n < w->queues; t->n++) {
		int fd = t->fds[t->n] = node_open(path, dev);

		if (fd < 0 && errno == ENOENT)
			die("%s: there is no %s: mknod %s c %u %u", t->name, path, path, major(dev), minor(dev));
		if (fd < 0)
			die_sys("%s: %s", t->name, path);
		if (ioctl(fd, TUNSETIFF, &ifr) < 0)
			die_sys("%s", t->name);
	}
	if (w->sndbuf && ioctl(t->fds[0], TUNSETSNDBUF, &w->sndbuf) < 0)
		die_sys("%s: sndbuf", t->name);
}

/* Of the process that makes one that is to go again, and of its end. */
struct stay {
	struct netlink *nl;
	const struct want *want;
	struct tap *tap; /* shared with who has it made */
	int pipe;
};

static int
delete(const struct stay *d)
{
	struct netlink_batch b = {0};
	int err;

	link_delete(&b, d->tap->index, d->tap->name);
	err = netlink_commit(d->nl, &b, NULL);
	if (!err || err == -ENODEV)
		return 0;
	error("%s", d->nl->why);
	return 1;
}

/* Makes it, and deletes it once the other end of the pipe is closed everywhere. It only ever reads nothing, so it needs no list of
 * system calls. */
static int
make_for_now(void *arg)
{
	struct stay *d = arg;
	char byte;

	if (!macvtap_add(d->nl, d->want, d->tap))
		keeper_needless();
	keeper_ready();
	while (fd_read_all(d->pipe, &byte, 1) == 1)
		;
	return delete(d);
}

/* A macvtap outlives whoever has it open, so somebody must stay to delete it; who makes it, too, lest we be killed in between. */
void
macvtap_take(struct netlink *nl, const struct want *w, struct tap *t)
{
	struct stay d = {.nl = nl, .want = w};
	int pipe[2], err;

	d.tap = mmap(NULL, sizeof(*d.tap), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (d.tap == MAP_FAILED || pipe2(pipe, O_CLOEXEC) < 0)
		die_sys("%s", w->lower);
	*d.tap = *t;
	d.pipe = pipe[0];
	err = keeper_start("vm-tap", CAP_NET_ADMIN, (int[]){nl->fd, pipe[0]}, 2, make_for_now, &d);
	if (err == -ECANCELED)
		exit(diag_exit);
	if (err && err != -ENOENT)
		die("%s: nobody to make one that goes again: %s", w->lower, strerror(-err));
	*t = *d.tap;
	munmap(d.tap, sizeof(*d.tap));
	close(pipe[0]);
	if (err)
		close(pipe[1]);
	else
		t->hold = pipe[1];
	open_queues(w, t);
}
