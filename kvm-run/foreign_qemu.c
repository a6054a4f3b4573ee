/* SPDX-License-Identifier: ISC */
/* Wires as arguments of QEMU 7.2 and later, for a machine with PCI (-M q35, pc, or microvm,pcie=on). */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/nbd.h"
#include "kvm-run/fdform.h"
#include "kvm-run/foreign.h"
#include "kvm-run/wiring_chain.h"

/* QEMU's ids begin with a letter and have no other characters than these (util/id.c). */
static void
check_id(struct foreign *f, const struct wire *w)
{
	if ((w->id[0] | 32) < 'a' || (w->id[0] | 32) > 'z' || strpbrk(w->id, ":/@+%"))
		foreign_no(f, w, "the id");
}

/* -add-fd takes none of the first three. */
static void
check_fdset(struct foreign *f, const struct wire *w, int fd)
{
	if (fd < 3)
		foreign_no(f, w, "a standard descriptor as a file");
}

static const struct wire *
vhost_of(const struct foreign *f, const struct wire *net)
{
	for (const struct wire *w = f->ws->v; w < f->ws->v + f->ws->n; w++)
		if (w->nfds && w->kind == WIRE_VHOST && wiring_of(f->ws, w) == net)
			return w;
	return NULL;
}

/* ",fd=3" or ",fds=3:4" */
static void
queues(struct foreign *f, const struct wire *w, const char *name)
{
	fprintf(f->out, ",%s%s=%d", name, w->nfds > 1 ? "s" : "", w->fds[0]);
	for (size_t i = 1; i < w->nfds; i++)
		fprintf(f->out, ":%d", w->fds[i]);
}

static void
net(struct foreign *f, const struct wire *w)
{
	const struct wire *vhost = vhost_of(f, w);
	const char *model = wire_get(w, "model");
	bool e1000 = model && !strcmp(model, "e1000");

	check_id(f, w);
	switch (wiring_as(f->ws, w)) {
	case AS_TAP:
		fprintf(f->out, "-netdev tap,id=%s", w->id);
		queues(f, w, "fd");
		if (vhost) {
			fputs(",vhost=on", f->out);
			queues(f, vhost, "vhostfd");
		}
		break;
	case AS_STREAM:
		fprintf(f->out, "-netdev stream,id=%s,addr.type=fd,addr.str=%d", w->id, w->fds[0]);
		break;
	case AS_VDE:
		foreign_no(f, w, "the framing of vde_plug");
		break;
	default:
		fprintf(f->out, "-netdev dgram,id=%s,local.type=fd,local.str=%d", w->id, w->fds[0]);
		break;
	}
	fprintf(f->out, " -device %s,netdev=%s,id=%s%s", e1000 ? "e1000" : "virtio-net-pci", w->id, w->id,
	    w->nfds > 1 ? ",mq=on" : "");
	foreign_mac(f, w);
	if (e1000 && wire_get(w, "mtu"))
		foreign_no(f, w, "mtu of an e1000");
	foreign_key(f, w, "mtu", "host_mtu");
}

/* The file `role` ("file", or "data-file") of layer `prefix` ("", "backing.", "backing.backing."...). */
static void
layer_file(struct foreign *f, const char *prefix, const char *role, int fd)
{
	fprintf(f->out, ",%s%s.driver=%s,%s%s.filename=/dev/fdset/%d", prefix, role,
	    fd_form(fd) == FORM_BLOCK ? "host_device" : "file", prefix, role, fd);
}

/* Whether QEMU's driver of a format knows backing files; the others do not take backing=. */
static bool
has_backing(const char *format)
{
	return !strcmp(format, "qcow2") || !strcmp(format, "qcow") || !strcmp(format, "qed") || !strcmp(format, "vmdk");
}

/*
 * A chain, top first. What lies under the top is opened read-only by QEMU, and a set must have a descriptor of just that
 * mode. The last layer's backing= keeps QEMU from opening what the image's header may name.
 */
static void
chain(struct foreign *f, const struct wire *w)
{
	char prefix[sizeof("backing.") * WIRE_FDS_MAX] = "";
	const char *key = wire_get(w, "key"), *reason;
	struct wiring_chain c;
	struct why reasons;

	reason = wiring_chain(w, &c, &reasons);
	for (size_t i = 0; !reason && i < c.nlayers; i++, strcat(prefix, "backing.")) {
		int fd = w->fds[c.place[i]];

		fprintf(f->out, "%s%sdriver=%s", i ? "," : "", prefix, c.format[i]);
		layer_file(f, prefix, "file", fd);
		if (c.data[i])
			layer_file(f, prefix, "data-file", w->fds[c.data[i]]);
		if (i && (!foreign_read_only(fd) || (c.data[i] && !foreign_read_only(w->fds[c.data[i]]))))
			foreign_no(f, w, "a backing file open for writing");
		if (i + 1 == c.nlayers && has_backing(c.format[i]))
			fprintf(f->out, ",%sbacking=", prefix);
	}
	if (key && c.nlayers > 1) /* QEMU takes it only for images that are encrypted, and the wire does not say which are */
		foreign_no(f, w, "the key of a chain");
	if (key)
		fprintf(f->out, ",encrypt.format=luks,encrypt.key-secret=%s", key);
}

static void
cache(struct foreign *f, const char *mode)
{
	if (!mode)
		return;
	if (!strcmp(mode, "none") || !strcmp(mode, "directsync"))
		fputs(",cache.direct=on", f->out);
	if (!strcmp(mode, "unsafe"))
		fputs(",cache.no-flush=on", f->out);
}

static void
blk_device(struct foreign *f, const struct wire *w, const char *mode)
{
	const char *bus = wire_get(w, "bus"), *media = wire_get(w, "media");
	bool cdrom = media && !strcmp(media, "cdrom"), ahci = cdrom || (bus && !strcmp(bus, "ahci"));

	fprintf(f->out, " -device %s,drive=%s,id=%s", cdrom ? "ide-cd" : ahci ? "ide-hd" : "virtio-blk-pci", w->id, w->id);
	if (ahci)
		fprintf(f->out, ",bus=ide.%u", f->ahci++);
	foreign_key(f, w, "serial", "serial");
	if (mode && (!strcmp(mode, "writethrough") || !strcmp(mode, "directsync")))
		fputs(",write-cache=off", f->out);
}

/* The name itself, with what parts words for QEMU and the shell not in it. */
static void
nbd_export(struct foreign *f, const struct wire *w)
{
	const char *encoded = wire_get(w, "export");
	char name[NBD_NAME_MAX + 1];

	if (!encoded || !nbd_name(encoded, name, sizeof(name)))
		return;
	for (const char *c = name; *c; c++)
		if (*c <= ' ' || *c > '~' || strchr(",'\"\\$`*?[", *c))
			foreign_no(f, w, "such an export");
	fprintf(f->out, ",export=%s", name);
}

static void
blk(struct foreign *f, const struct wire *w)
{
	const char *mode = wire_get(w, "cache");
	enum wire_as as = wiring_as(f->ws, w);

	check_id(f, w);
	for (size_t i = 0; i < w->nfds && as != AS_NBD; i++) {
		check_fdset(f, w, w->fds[i]);
		fprintf(f->out, "-add-fd fd=%d,set=%d ", w->fds[i], w->fds[i]);
	}
	fputs("-blockdev ", f->out);
	if (as == AS_NBD) {
		fprintf(f->out, "driver=nbd,server.type=fd,server.str=%d", w->fds[0]);
		nbd_export(f, w);
	} else if (as == AS_QCOW2) {
		chain(f, w);
	} else {
		fputs("driver=raw", f->out);
		layer_file(f, "", "file", w->fds[0]);
	}
	fprintf(f->out, ",node-name=%s,discard=unmap%s", w->id,
	    as != AS_NBD && foreign_read_only(w->fds[0]) ? ",read-only=on" : "");
	cache(f, mode);
	blk_device(f, w, mode);
}

/* mux brings the keys that kvm-run has too: Ctrl-A x ends, Ctrl-A h helps. */
static void
con(struct foreign *f, const struct wire *w)
{
	check_id(f, w);
	if (wiring_as(f->ws, w) == AS_DEBUG) {
		fprintf(f->out, "-chardev file,id=%s,path=/proc/self/fd/%d -device isa-debugcon,iobase=0x402,chardev=%s", w->id,
		    w->fds[0], w->id);
		return;
	}
	if (foreign_is_stdio(w))
		fprintf(f->out, "-chardev stdio,id=%s,mux=on,signal=off", w->id);
	else if (w->nfds == 1 && fd_form(w->fds[0]) == FORM_STREAM)
		fprintf(f->out, "-chardev socket,id=%s,fd=%d", w->id, w->fds[0]);
	else if (w->nfds == 1 && fd_form(w->fds[0]) == FORM_TTY)
		fprintf(f->out, "-chardev serial,id=%s,path=/proc/self/fd/%d", w->id, w->fds[0]);
	else
		foreign_no(f, w, "a console that is not 0:1, a stream socket or a terminal");
	if (wiring_as(f->ws, w) == AS_SERIAL)
		fprintf(f->out, " -serial chardev:%s", w->id);
	else
		fprintf(f->out, " -device virtio-serial-pci -device virtconsole,chardev=%s,id=%s", w->id, w->id);
}

static void
mem(struct foreign *f, const struct wire *w)
{
	struct stat st = {0};

	check_id(f, w);
	fstat(w->fds[0], &st);
	fprintf(f->out,
	    "-object memory-backend-file,id=%s,share=on,mem-path=/proc/self/fd/%d,size=%lld -machine memory-backend=%s -m %lldB",
	    w->id, w->fds[0], (long long)st.st_size, w->id, (long long)st.st_size);
}

static void
pcap(struct foreign *f, const struct wire *w)
{
	const struct wire *of = wiring_of(f->ws, w);
	unsigned form = fd_form(w->fds[0]);

	check_id(f, w);
	if (!of)
		foreign_no(f, w, "one pcap for several net wires");
	if (!(form & (FORM_FILE | FORM_FIFO | FORM_CHAR | FORM_TTY)))
		foreign_no(f, w, fd_form_name(form));
	fprintf(f->out, "-object filter-dump,id=%s,netdev=%s,file=/proc/self/fd/%d", w->id, of ? of->id : "", w->fds[0]);
}

static void
kern(struct foreign *f, const struct wire *w)
{
	fprintf(f->out, "-kernel /proc/self/fd/%d", w->fds[0]);
}

static void
init(struct foreign *f, const struct wire *w)
{
	fprintf(f->out, "-initrd /proc/self/fd/%d", w->fds[0]);
}

static void
fw(struct foreign *f, const struct wire *w)
{
	const char *of = wire_get(w, "of");
	int fd = w->fds[0];

	switch (wiring_as(f->ws, w)) {
	case AS_ROM: /* of a device that was named before */
		if (of && wires_find(f->ws, of) > w)
			foreign_no(f, w, "a ROM before its device");
		fprintf(f->out, "-set device.%s.romfile=/proc/self/fd/%d", of, fd);
		break;
	case AS_SPLASH:
		fprintf(f->out, "-boot menu=on,splash=/proc/self/fd/%d", fd);
		break;
	default:
		fprintf(f->out, "-bios /proc/self/fd/%d", fd);
	}
}

static void
key(struct foreign *f, const struct wire *w)
{
	check_id(f, w);
	fprintf(f->out, "-object secret,id=%s,file=/proc/self/fd/%d", w->id, w->fds[0]);
}

/* Held by being open; or, of a vhost, said with its net wire. */
static void
nothing(struct foreign *f, const struct wire *w)
{
	(void)f;
	(void)w;
}

const foreign_writer foreign_qemu[WIRE_KINDS] = {
    [WIRE_NET] = net,
    [WIRE_VHOST] = nothing,
    [WIRE_BLK] = blk,
    [WIRE_CON] = con,
    [WIRE_MEM] = mem,
    [WIRE_PCAP] = pcap,
    [WIRE_KERN] = kern,
    [WIRE_INIT] = init,
    [WIRE_FW] = fw,
    [WIRE_KEY] = key,
    [WIRE_HOLD] = nothing,
};
