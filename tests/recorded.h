/* SPDX-License-Identifier: ISC */
/*
 * In place of common/image/file_fd.c: files that are opened by a descriptor are kept in memory (tests/memory.h), found by their
 * names, and recorded, so that what a whole command does to its files can be cut at every point. On the disk is only an empty
 * file of that name. Linked with: links: tests/recorded.c tests/memory.c
 */
#ifndef TESTS_RECORDED_H
#define TESTS_RECORDED_H

#include "tests/memory.h"

#define RECORDED_MAX 8

struct recorded {
	char name[64]; /* "": none */
	struct memory memory;
};

extern struct recorded recorded_files[RECORDED_MAX]; /* those that were opened ever; the first that are none end it */

/* The file of that name, in whatever directory, made empty where there was none. */
struct recorded *recorded_file(const char *name);

/* Changes are noted in the log from now on; NULL: no more. */
void recorded_log(struct memory_log *log);

/* Forgets all files. */
void recorded_forget(void);

#endif
