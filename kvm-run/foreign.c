/* SPDX-License-Identifier: ISC */
/*
 * kvm-run -N: the wires as arguments of QEMU (foreign_qemu.c), cloud-hypervisor and crosvm. The latter two are written
 * from their documentation and were not run. Paths of the form /proc/self/fd/N are opened by that VMM, so they name what
 * it inherited.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/diag.h"
#include "common/num.h"
#include "kvm-run/foreign.h"
#include "kvm-run/net.h"

void
foreign_no(struct foreign *f, const struct wire *w, const char *what)
{
	wire_fault(&f->faults, w, "%s: %s has no words for it", what, f->vmm);
}

void
foreign_key(struct foreign *f, const struct wire *w, const char *key, const char *as)
{
	const char *value = wire_get(w, key);

	if (value)
		fprintf(f->out, ",%s=%s", as, value);
}

void
foreign_mac(struct foreign *f, const struct wire *w)
{
	uint8_t mac[6];

	if (wire_get(w, "mac"))
		mac_parse(wire_get(w, "mac"), mac);
	else
		net_mac_default(f->mac_seed, w->id, mac);
	fprintf(f->out, ",mac=%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

bool
foreign_is_stdio(const struct wire *w)
{
	return w->nfds == 2 && w->fds[0] == 0 && w->fds[1] == 1;
}

bool
foreign_read_only(int fd)
{
	return (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY;
}

/* Refuses a key whose value, if given, is not the one the VMM does anyway. */
static void
only(struct foreign *f, const struct wire *w, const char *key, const char *value)
{
	const char *given = wire_get(w, key);
	char what[64];

	if (!given || (value && !strcmp(given, value)))
		return;
	snprintf(what, sizeof(what), "%s=%.40s", key, given);
	foreign_no(f, w, what);
}

/* What both of the small VMMs take of a net wire: one queue of a tap. */
static void
only_plain_tap(struct foreign *f, const struct wire *w)
{
	only(f, w, "model", "virtio");
	if (wiring_as(f->ws, w) != AS_TAP)
		foreign_no(f, w, "a socket");
	else if (w->nfds > 1)
		foreign_no(f, w, "several queues");
}

static void
only_plain_disk(struct foreign *f, const struct wire *w)
{
	const char *cache = wire_get(w, "cache");

	if (wiring_as(f->ws, w) != AS_RAW)
		foreign_no(f, w, wiring_as_name(wiring_as(f->ws, w)));
	if (!cache || strcmp(cache, "none"))
		only(f, w, "cache", "writeback");
	only(f, w, "bus", "virtio");
	only(f, w, "media", "disk");
	only(f, w, "fmt", "raw");
	only(f, w, "data", NULL);
	only(f, w, "key", NULL);
}

static void
only_firmware(struct foreign *f, const struct wire *w)
{
	if (wiring_as(f->ws, w) != AS_BIOS)
		foreign_no(f, w, wiring_as_name(wiring_as(f->ws, w)));
}

static bool
direct(const struct wire *w)
{
	const char *cache = wire_get(w, "cache");

	return cache && !strcmp(cache, "none");
}

static void
only_stdio(struct foreign *f, const struct wire *w)
{
	if (!foreign_is_stdio(w))
		foreign_no(f, w, "a console that is not fd=0:1");
}

static void
nothing(struct foreign *f, const struct wire *w)
{
	(void)f;
	(void)w;
}

static void
ch_net(struct foreign *f, const struct wire *w)
{
	only_plain_tap(f, w);
	fprintf(f->out, "--net fd=%d,id=%s", w->fds[0], w->id);
	foreign_mac(f, w);
	foreign_key(f, w, "mtu", "mtu");
}

static void
ch_blk(struct foreign *f, const struct wire *w)
{
	only_plain_disk(f, w);
	fprintf(f->out, "--disk path=/proc/self/fd/%d,id=%s,readonly=%s%s", w->fds[0], w->id,
	    foreign_read_only(w->fds[0]) ? "on" : "off", direct(w) ? ",direct=on" : "");
	foreign_key(f, w, "serial", "serial");
}

static void
ch_con(struct foreign *f, const struct wire *w)
{
	only_stdio(f, w);
	fputs(wiring_as(f->ws, w) == AS_SERIAL ? "--serial tty --console off" : "--console tty --serial off", f->out);
}

static void
ch_mem(struct foreign *f, const struct wire *w)
{
	struct stat st = {0};

	fstat(w->fds[0], &st);
	fprintf(f->out, "--memory size=0 --memory-zone id=%s,size=%lld,file=/proc/self/fd/%d,shared=on", w->id,
	    (long long)st.st_size, w->fds[0]);
}

static void
ch_kern(struct foreign *f, const struct wire *w)
{
	fprintf(f->out, "--kernel /proc/self/fd/%d", w->fds[0]);
}

static void
ch_init(struct foreign *f, const struct wire *w)
{
	fprintf(f->out, "--initramfs /proc/self/fd/%d", w->fds[0]);
}

static void
ch_fw(struct foreign *f, const struct wire *w)
{
	only_firmware(f, w);
	fprintf(f->out, "--firmware /proc/self/fd/%d", w->fds[0]);
}

static const foreign_writer ch[WIRE_KINDS] = {
    [WIRE_NET] = ch_net,
    [WIRE_BLK] = ch_blk,
    [WIRE_CON] = ch_con,
    [WIRE_MEM] = ch_mem,
    [WIRE_KERN] = ch_kern,
    [WIRE_INIT] = ch_init,
    [WIRE_FW] = ch_fw,
    [WIRE_HOLD] = nothing,
};

static void
crosvm_net(struct foreign *f, const struct wire *w)
{
	only_plain_tap(f, w);
	only(f, w, "mtu", NULL);
	fprintf(f->out, "--net tap-fd=%d", w->fds[0]);
	foreign_mac(f, w);
}

static void
crosvm_blk(struct foreign *f, const struct wire *w)
{
	only_plain_disk(f, w);
	fprintf(f->out, "--block path=/proc/self/fd/%d,ro=%s%s", w->fds[0],
	    foreign_read_only(w->fds[0]) ? "true" : "false", direct(w) ? ",o_direct=true" : "");
	foreign_key(f, w, "serial", "id");
}

static void
crosvm_con(struct foreign *f, const struct wire *w)
{
	only_stdio(f, w);
	fprintf(f->out, "--serial type=stdout,hardware=%s,num=1,console=true,stdin=true",
	    wiring_as(f->ws, w) == AS_SERIAL ? "serial" : "virtio-console");
}

static void
crosvm_kern(struct foreign *f, const struct wire *w)
{
	fprintf(f->out, "/proc/self/fd/%d", w->fds[0]);
}

static void
crosvm_init(struct foreign *f, const struct wire *w)
{
	fprintf(f->out, "--initrd /proc/self/fd/%d", w->fds[0]);
}

static void
crosvm_fw(struct foreign *f, const struct wire *w)
{
	only_firmware(f, w);
	fprintf(f->out, "--bios /proc/self/fd/%d", w->fds[0]);
}

static const foreign_writer crosvm[WIRE_KINDS] = {
    [WIRE_NET] = crosvm_net,
    [WIRE_BLK] = crosvm_blk,
    [WIRE_CON] = crosvm_con,
    [WIRE_KERN] = crosvm_kern,
    [WIRE_INIT] = crosvm_init,
    [WIRE_FW] = crosvm_fw,
    [WIRE_HOLD] = nothing,
};

static const foreign_writer *
writers_of(const char *vmm)
{
	if (!strcmp(vmm, "qemu"))
		return foreign_qemu;
	if (!strcmp(vmm, "ch"))
		return ch;
	if (!strcmp(vmm, "crosvm"))
		return crosvm;
	die_usage("-N %s: not qemu, ch or crosvm", vmm);
}

int
wiring_print_foreign(struct wires *ws, const char *vmm, const char *name)
{
	const foreign_writer *writers = writers_of(vmm);
	struct foreign f = {.ws = ws, .vmm = vmm, .mac_seed = net_mac_seed(name)};
	char *text = NULL;
	size_t size = 0;
	long start;

	wiring_check_foreign(ws);
	if (ws->faults)
		return 2;
	f.out = open_memstream(&text, &size);
	if (!f.out)
		die_sys("memory");
	for (const struct wire *w = ws->v; w < ws->v + ws->n; w++) {
		start = ftell(f.out);
		if (writers[w->kind])
			writers[w->kind](&f, w);
		else
			foreign_no(&f, w, wire_kind_name(w->kind));
		if (ftell(f.out) > start)
			fputc('\n', f.out);
	}
	if (fclose(f.out))
		die_sys("memory");
	if (!f.faults.n)
		fputs(text, stdout);
	free(text);
	ws->faults += f.faults.n;
	return f.faults.n ? 2 : 0;
}
