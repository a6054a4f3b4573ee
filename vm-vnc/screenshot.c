/* SPDX-License-Identifier: ISC */
/* The picture as a file; the contracts are in screenshot.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "vm-vnc/display.h"
#include "vm-vnc/screenshot.h"

enum screenshot_form
screenshot_form(const char *path)
{
	size_t len = strlen(path);

	return len >= 4 && !strcmp(path + len - 4, ".ppm") ? SCREENSHOT_PPM : SCREENSHOT_PNG;
}

/* What is shown must first be drawn, which a machine does for who asks. */
static bool
wait_for_picture(struct display *d)
{
	uint32_t kind;

	do {
		kind = display_take(d);
		if (kind == FB_MODE && d->mode.width)
			display_ask(d, true);
	} while (kind && (kind != FB_DAMAGE || !d->mode.width));
	return kind;
}

int
screenshot_write(int machine, int fd, enum screenshot_form form)
{
	struct display d = {.wire = machine};
	const struct fb_mode *m = &d.mode;
	int err;

	if (!wait_for_picture(&d)) {
		error("screenshot: the machine has ended");
		return 1;
	}
	err = (form == SCREENSHOT_PPM ? ppm_write : png_write)(fd, d.mem + m->offset, m->width, m->height, m->stride);
	if (err)
		error("screenshot: %s", strerror(errno));
	return err ? 1 : 0;
}

int
screenshot_save(int machine, const char *path)
{
	char *name;
	int fd, status;

	if (!strcmp(path, "-"))
		return screenshot_write(machine, STDOUT_FILENO, SCREENSHOT_PNG);
	if (asprintf(&name, "%s.%d", path, getpid()) < 0)
		die("out of memory");
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0) {
		error("%s: %s", name, strerror(errno));
		free(name);
		return 1;
	}
	status = screenshot_write(machine, fd, screenshot_form(path));
	close(fd);
	if (!status && rename(name, path) < 0) {
		error("%s: %s", path, strerror(errno));
		status = 1;
	}
	if (status)
		unlink(name);
	free(name);
	return status;
}
