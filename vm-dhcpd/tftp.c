/* SPDX-License-Identifier: ISC */
/*
 * A read-only TFTP server on one interface. All is answered from port 69 (as QEMU's own server does), so one rule of a
 * firewall is enough and no socket is made after the start. A transfer holds no buffer and ends when its client is silent.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "common/util.h"
#include "vm-dhcpd/service.h"
#include "vm-dhcpd/tftp.h"
#include "vm-dhcpd/tftp_file.h"
#include "vm-dhcpd/tftp_send.h"

#define PORT 69
#define PAUSE 1000	   /* ms until the first repetition, unless the client says (timeout) */
#define PAUSE_MAX 8000
#define SILENCE_MAX 60000  /* ms without progress; and of one that never answered at all: */
#define SILENCE_FIRST 7000 /* its address may be forged, and what we repeat goes there */
#define SILENCE_REST 5000  /* of one whose place others want */

static void
tell(const struct udp_peer *p, const char *name, const char *what)
{
	char address[INET6_ADDRSTRLEN];

	udp_address_text(&p->address, address);
	note(1, "tftp: %s: %s: %s", address, name, what);
}

static void
end_transfer(struct tftp_transfer *t, const char *why)
{
	tell(&t->peer, t->name, why);
	close(t->file);
	t->file = -1;
}

static void
refuse(const struct udp_peer *to, enum tftp_code code, const char *why)
{
	uint8_t packet[TFTP_REPLY_MAX];

	tftp_send_packet(to, packet, tftp_put_error(packet, code, why));
}

/* The timer is moved for what comes earlier only: an ACK, which puts it off, costs no system call for it. */
static void
arm(struct tftp *s, int64_t due)
{
	if (due >= s->armed)
		return;
	s->armed = due;
	timer_set(&s->timer, due);
}

static void
send_more(struct tftp *s, struct tftp_transfer *t)
{
	if (tftp_send_blocks(s, t)) {
		t->due = timer_now() + t->pause;
		arm(s, t->due);
		return;
	}
	refuse(&t->peer, TFTP_UNDEFINED, "the file was cut off or cannot be read");
	end_transfer(t, "the file was cut off or cannot be read");
}

static bool
answered(const struct tftp_transfer *t)
{
	return t->window.acked || (!t->window.oack && tftp_has_options(&t->options));
}

static void
repeat(struct tftp *s, struct tftp_transfer *t, int64_t now)
{
	if (now - t->heard >= (answered(t) ? SILENCE_MAX : SILENCE_FIRST)) {
		end_transfer(t, "given up: the client is silent");
		return;
	}
	t->pause = t->pause * 2 < PAUSE_MAX ? t->pause * 2 : PAUSE_MAX;
	send_more(s, t);
}

static void
timer_fired(struct timer *timer)
{
	struct tftp *s = container_of(timer, struct tftp, timer);
	int64_t now = timer_now();

	s->armed = TIMER_NEVER;
	for (struct tftp_transfer *t = s->transfers; t < s->transfers + TFTP_TRANSFERS; t++) {
		if (t->file >= 0 && t->due <= now)
			repeat(s, t, now);
		if (t->file >= 0)
			arm(s, t->due);
	}
}

static struct tftp_transfer *
find(struct tftp *s, const struct udp_peer *from)
{
	for (struct tftp_transfer *t = s->transfers; t < s->transfers + TFTP_TRANSFERS; t++)
		if (t->file >= 0 && t->peer.fd == from->fd && !memcmp(&t->peer.address, &from->address, sizeof(from->address)))
			return t;
	return NULL;
}

/* Of those whose client ever answered, or never did, the one that has been silent longest; NULL: there is none. */
static struct tftp_transfer *
longest_silent(struct tftp *s, bool that_answered)
{
	struct tftp_transfer *found = NULL;

	for (struct tftp_transfer *t = s->transfers; t < s->transfers + TFTP_TRANSFERS; t++)
		if (t->file >= 0 && answered(t) == that_answered && (!found || t->heard < found->heard))
			found = t;
	return found;
}

/* A place for a transfer. When all are taken one goes that was asked for by nobody, as it seems: forged addresses do not
 * keep anybody out; or else one that rests. NULL when all are busy. */
static struct tftp_transfer *
take_place(struct tftp *s)
{
	struct tftp_transfer *t = s->transfers;

	while (t < s->transfers + TFTP_TRANSFERS && t->file >= 0)
		t++;
	if (t < s->transfers + TFTP_TRANSFERS)
		return t;
	t = longest_silent(s, false);
	if (!t)
		t = longest_silent(s, true);
	if (answered(t) && timer_now() - t->heard < SILENCE_REST)
		return NULL;
	end_transfer(t, "given up: others want to be served");
	return t;
}

/* What fits into a packet of the interface as it is now: fragments would be slow, and firmware does not put them together. */
static unsigned
largest_block(const struct tftp *s, const struct udp_peer *from)
{
	unsigned heads = (from->address.sa.sa_family == AF_INET6 ? 40 : 20) + 8 + 4;
	struct ifreq ifr = {.ifr_mtu = 0};

	memcpy(ifr.ifr_name, s->ifname, IF_NAMESIZE);
	if (ioctl(from->fd, SIOCGIFMTU, &ifr) < 0 || ifr.ifr_mtu < (int)(heads + TFTP_BLKSIZE))
		return TFTP_BLKSIZE;
	return (unsigned)ifr.ifr_mtu - heads < TFTP_BLKSIZE_MAX ? (unsigned)ifr.ifr_mtu - heads : TFTP_BLKSIZE_MAX;
}

static void
begin(struct tftp *s, const struct udp_peer *from, struct tftp_request *r, struct tftp_transfer *t)
{
	unsigned blksize;

	t->peer = *from;
	r->tsize &= t->size != 0; /* curl takes 0 for an error */
	tftp_settle(r, largest_block(s, from));
	blksize = r->blksize ? r->blksize : TFTP_BLKSIZE;
	t->options = *r;
	t->options.name = t->name;
	t->window = (struct tftp_window){
	    .total = t->size / blksize + 1, .size = r->window ? r->window : 1, .oack = tftp_has_options(r)};
	t->heard = timer_now();
	t->pause = r->timeout ? r->timeout * 1000 : PAUSE;
	send_more(s, t);
}

/* The name as it may be shown. */
static void
copy_name(char *to, size_t size, const char *name)
{
	size_t n = 0;

	for (; name[n] && n < size - 1; n++)
		to[n] = name[n] >= ' ' && name[n] <= '~' ? name[n] : '?';
	to[n] = '\0';
}

/* Another request from a client's port ends what was under way there: it started anew, or heard nothing yet. */
static void
requested(struct tftp *s, const struct udp_peer *from, struct tftp_request *r)
{
	struct tftp_transfer *t = find(s, from);
	char name[sizeof(t->name)];
	uint64_t size = 0;
	int file;

	copy_name(name, sizeof(name), r->name);
	file = tftp_file_open(s->root, r->name, &size);
	if (file < 0) {
		bool absent = errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG;

		tell(from, name, strerror(errno));
		refuse(from, absent ? TFTP_NOT_FOUND : TFTP_ACCESS, absent ? "file not found" : "access denied");
		return;
	}
	if (t)
		end_transfer(t, "asked for anew");
	else
		t = take_place(s);
	if (!t) {
		close(file);
		refuse(from, TFTP_UNDEFINED, "too many transfers");
		return;
	}
	t->file = file;
	t->size = size;
	memcpy(t->name, name, sizeof(name));
	begin(s, from, r, t);
}

static void
acknowledged(struct tftp *s, struct tftp_transfer *t, uint16_t block)
{
	enum tftp_next next = tftp_acked(&t->window, block);

	if (next == TFTP_DONE)
		end_transfer(t, "sent");
	if (next != TFTP_SEND)
		return;
	t->heard = timer_now();
	t->pause = t->options.timeout ? t->options.timeout * 1000 : PAUSE;
	send_more(s, t);
}

static void
received(void *arg, const struct udp_peer *from, uint8_t *packet, size_t len)
{
	struct tftp *s = arg;
	struct tftp_transfer *t;
	struct tftp_request r;
	enum tftp_code code;
	const char *why;

	/* RFC 1123, 4.2.3.4: a request to all is nobody's to answer. */
	if (len < 4 || from->group)
		return;
	t = find(s, from);
	if (t && get_be16(packet) == TFTP_ACK) {
		acknowledged(s, t, get_be16(packet + 2));
	} else if (t && get_be16(packet) == TFTP_ERROR) {
		end_transfer(t, "ended by the client");
	} else if (tftp_parse_request(&r, packet, len, &code, &why)) {
		if (why)
			refuse(from, code, why);
		else
			requested(s, from, &r);
	}
}

static void
v4_readable(struct watch *w, uint32_t events)
{
	(void)events;
	udp_receive(w->fd, received, container_of(w, struct tftp, v4));
}

static void
v6_readable(struct watch *w, uint32_t events)
{
	(void)events;
	udp_receive(w->fd, received, container_of(w, struct tftp, v6));
}

static void
print(struct dhcpd *d)
{
	if (d->options->tftp_dir)
		printf("tftp\t%s\n", d->options->tftp_dir);
	pxe_print(&d->options->pxe);
}

/* A file that clients are sent for, but that they would not get, may come later; most often its name is wrong. */
static void
check_files(const struct tftp *s, const struct pxe *pxe)
{
	for (size_t i = 0; i < pxe->nfiles; i++) {
		uint64_t size;
		int fd = pxe->files[i].url ? -1 : tftp_file_open(s->root, pxe->files[i].file, &size);

		if (fd >= 0)
			close(fd);
		else if (!pxe->files[i].url && !pxe->server)
			warn_sys("-E %s: not to be had by TFTP", pxe->files[i].file);
	}
}

static void
open_server(struct dhcpd *d)
{
	static struct tftp server;
	struct tftp *s = &server;
	int err;

	if (!d->options->tftp_dir)
		return;
	s->root = tftp_root_open(d->options->tftp_dir);
	check_files(s, &d->options->pxe);
	s->ifname = d->iface.name;
	s->v4 = (struct watch){.fd = udp_open(AF_INET, PORT, s->ifname, false), .handler = v4_readable};
	s->v6 = (struct watch){.fd = udp_has_ipv6() ? udp_open(AF_INET6, PORT, s->ifname, false) : -1, .handler = v6_readable};
	s->armed = TIMER_NEVER;
	for (size_t i = 0; i < TFTP_TRANSFERS; i++)
		s->transfers[i].file = -1;
	err = timer_init(&s->timer, &d->loop, timer_fired);
	if (!err)
		err = loop_watch(&d->loop, &s->v4, EPOLLIN);
	if (!err && s->v6.fd >= 0)
		err = loop_watch(&d->loop, &s->v6, EPOLLIN);
	if (err)
		die("TFTP: %s", strerror(-err));
}

const struct service tftp_service = {.print = print, .open = open_server};
