/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/image/file.h"
#include "tests/recorded.h"

#define LIMIT (64 << 20)

struct recorded recorded_files[RECORDED_MAX];
static struct memory_log *log_now;

struct recorded *
recorded_file(const char *name)
{
	struct recorded *r = recorded_files;

	name = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
	while (*r->name && strcmp(r->name, name))
		if (++r == recorded_files + RECORDED_MAX)
			abort();
	if (!*r->name) {
		strncpy(r->name, name, sizeof(r->name) - 1);
		r->memory = (struct memory){.limit = LIMIT, .log = log_now};
		memory_set(&r->memory, NULL, 0);
	}
	return r;
}

void
recorded_log(struct memory_log *log)
{
	log_now = log;
	for (size_t i = 0; i < RECORDED_MAX; i++)
		recorded_files[i].memory.log = log;
}

void
recorded_forget(void)
{
	for (size_t i = 0; i < RECORDED_MAX; i++) {
		memory_free(&recorded_files[i].memory);
		*recorded_files[i].name = '\0';
	}
}

struct file *
file_open_fd(int fd, const char *name, struct why *w)
{
	struct recorded *r = recorded_file(name);
	struct file *f = memory_open(&r->memory, (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY);

	(void)w;
	f->name = r->name;
	close(fd);
	return f;
}

bool
file_direct(struct file *f, bool on)
{
	(void)f, (void)on;
	return false;
}

int
file_copy(struct file *to, uint64_t to_off, struct file *from, uint64_t from_off, uint64_t len, uint64_t *done)
{
	(void)to, (void)to_off, (void)from, (void)from_off, (void)len;
	*done = 0;
	return -EOPNOTSUPP;
}
