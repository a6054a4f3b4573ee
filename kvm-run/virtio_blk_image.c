/* SPDX-License-Identifier: ISC */
/*
 * Images as disks. Their headers are a stranger's words: they are read by the disk's own thread, which has sealed itself by
 * then, and what they name is compared with what the wire brings, never opened.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/disk_image.h"
#include "common/fd.h"
#include "common/image/formats.h"
#include "kvm-run/virtio_blk_image.h"
#include "kvm-run/wiring_chain.h"

#define SECRET_MAX 4096

struct blk_image {
	struct wiring_chain chain;
	int fds[WIRE_FDS_MAX];		  /* the wire's, locked */
	struct file *files[WIRE_FDS_MAX]; /* NULL: an image's already */
	char names[WIRE_FDS_MAX][16];	  /* "fd 12" */
	size_t n, layer;		  /* of the wire's descriptors; being opened */
	unsigned flags;			  /* IMAGE_, of the top */
	uint8_t secret[SECRET_MAX];
	size_t secret_len;
};

/* A data file that the layer names: the one that stands behind it in the wire. */
static struct file *
named(void *user, const char *name, bool write, struct why *w)
{
	struct blk_image *b = user;
	size_t at = b->chain.data[b->layer];
	struct file *f = at ? b->files[at] : NULL;

	if (!f)
		why(w, "its data file is not in the wire (data=): %.100s", name);
	else if (write && f->read_only)
		why(w, "its data file, %s: read-only", f->name);
	else {
		b->files[at] = NULL;
		return f;
	}
	return NULL;
}

static struct image *
open_layer(struct blk_image *b, struct why *w)
{
	size_t at = b->chain.place[b->layer];
	struct image_open how = {
		.file = b->files[at],
		.flags = b->layer ? 0 : b->flags,
		.secret = b->secret_len ? b->secret : NULL,
		.secret_len = b->secret_len,
		.named = named,
		.user = b,
	};
	struct image *i;
	struct why reason;

	b->files[at] = NULL;
	i = image_open(strcmp(b->chain.format[b->layer], "raw") ? &format_qcow2 : &format_raw, &how, &reason);
	if (!i)
		why(w, "%s: %s", b->names[at], reason.text);
	return i;
}

/* What the image says of the next layer, and what the wire brings, are to be one. NULL, or the reason. */
static const char *
fault(const struct blk_image *b, const struct image *i, struct why *w)
{
	bool last = b->layer + 1 == b->chain.nlayers;
	const char *name = b->names[b->chain.place[b->layer]];
	size_t data = b->chain.data[b->layer];

	if (i->backing_name && last)
		return why(w, "%s: lies on another image, which is not in the wire: %.100s", name, i->backing_name);
	if (!i->backing_name && !last)
		return why(w, "%s: lies on no other image, but the wire has more", name);
	if (data && b->files[data])
		return why(w, "%s: is no data file of %s", b->names[data], name);
	return NULL;
}

static struct image *
open_chain(void *user, struct why *w)
{
	struct blk_image *b = user;
	struct image *top = NULL, **next = &top;

	for (b->layer = 0; b->layer < b->chain.nlayers; b->layer++) {
		*next = open_layer(b, w);
		if (!*next || fault(b, *next, w)) {
			image_close(top);
			top = NULL;
			break;
		}
		next = &(*next)->backing;
	}
	explicit_bzero(b->secret, sizeof(b->secret));
	return top;
}

/* A passphrase: every byte of it counts. A file may be read again, when a disk is plugged in. */
static const char *
read_secret(struct blk_image *b, const struct wires *ws, const struct wire *w, struct why *why_)
{
	const char *id = wire_get(w, "key");
	const struct wire *key = id ? wires_find(ws, id) : NULL;
	ssize_t n;

	if (!key)
		return NULL;
	n = pread(key->fds[0], b->secret, sizeof(b->secret), 0);
	if (n < 0 && errno == ESPIPE)
		n = fd_read_all(key->fds[0], b->secret, sizeof(b->secret));
	if (n < 0)
		return why(why_, "%s: %s", id, strerror(errno));
	if (n == 0 || n == sizeof(b->secret))
		return why(why_, "%s: %s", id, n ? "too long" : "empty");
	b->secret_len = (size_t)n;
	return NULL;
}

/*
 * A file, of a descriptor of our own which ends with the image. It is locked before anything is read; a top image's data file
 * is writable, as it is, and those of others are not.
 */
static const char *
open_file(struct blk_image *b, bool backing, bool direct, struct why *why_)
{
	int fd = fcntl(b->fds[b->n], F_DUPFD_CLOEXEC, 0);
	struct file *f = fd < 0 ? NULL : file_open_fd(fd, b->names[b->n], why_);
	const char *reason;

	if (fd < 0)
		return why(why_, "%s", strerror(errno));
	if (!f) {
		close(fd);
		return why_->text;
	}
	reason = direct || fcntl(fd, F_GETFL) & O_DIRECT ? file_go_direct(f) : NULL;
	if (!reason)
		reason = disk_lock(fd, !backing && !f->read_only);
	if (reason)
		file_close(f);
	else
		b->files[b->n++] = f;
	return reason;
}

static bool
is_backing(const struct wiring_chain *c, size_t at)
{
	for (size_t i = 1; i < c->nlayers; i++)
		if (c->place[i] == at)
			return true;
	return false;
}

static const char *
open_files(struct blk_image *b, const struct wire *w, bool direct, struct why *why_)
{
	const char *reason;
	struct why inner;

	while (b->n < w->nfds) {
		b->fds[b->n] = w->fds[b->n];
		snprintf(b->names[b->n], sizeof(b->names[b->n]), "fd %d", w->fds[b->n]);
		reason = open_file(b, is_backing(&b->chain, b->n), direct, &inner);
		if (reason)
			return why(why_, "%s: %s", b->names[b->n], reason);
	}
	return NULL;
}

const char *
blk_image_open(struct disk **out, struct blk_image **image, const struct wires *ws, const struct wire *w, unsigned flags,
    struct why *why_)
{
	struct blk_image *b = *image = calloc(1, sizeof(*b));
	const char *reason;

	if (!b)
		return strerror(ENOMEM);
	reason = wiring_chain(w, &b->chain, why_);
	if (!reason)
		reason = open_files(b, w, flags & DISK_DIRECT, why_);
	if (!reason)
		reason = read_secret(b, ws, w, why_);
	if (reason)
		return reason;
	b->flags = (b->files[0]->read_only ? 0 : IMAGE_WRITE) | (flags & DISK_UNSAFE ? IMAGE_UNSAFE : 0);
	*out = disk_image_new(b->files, (unsigned)b->n, flags, open_chain, b);
	return *out ? NULL : strerror(ENOMEM);
}

void
blk_image_free(struct blk_image *b)
{
	for (size_t i = 0; b && i < b->n; i++) {
		disk_unlock(b->fds[i]); /* who else has this descriptor does not keep the lock */
		file_close(b->files[i]);
	}
	free(b);
}
