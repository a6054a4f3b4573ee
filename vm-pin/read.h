/* SPDX-License-Identifier: ISC */
/*
 * Small files of /sys and /proc, by a path below an open directory, so that tests can show us other machines. What is not there
 * is nothing special; that descriptors or memory had run out is remembered, or it would be taken for that.
 */
#ifndef VM_PIN_READ_H
#define VM_PIN_READ_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm-pin/cpulist.h"

/* The file's text without its last newline; at most size - 1 bytes of it. False when it cannot be read, with errno. */
bool read_text(int dir, const char *path, char *text, size_t size);

/* As read_text, of any length up to 64 MiB; to be freed. NULL with errno. */
char *read_whole(int dir, const char *path, size_t *len);

/* A decimal number, alone in the file. -1 and such are no numbers here: false. */
bool read_number(int dir, const char *path, uint64_t *value);

/* A list of CPUs (or of nodes); false, and the empty set, when it cannot be read. */
bool read_cpus(int dir, const char *path, struct cpus *c);

/* A directory of it; NULL with errno. */
DIR *read_dir(int dir, const char *path);

/* What could not be looked at, with errno. */
void read_lacks(const char *what);

/* Dies when anything could not be looked at for want of descriptors or memory: what was gathered is not all there is. */
void read_complete(void);

/* The rest of the line of text that begins with key, without the blanks before it, cut at its end into value. False: no such. */
bool read_field(const char *text, const char *key, char *value, size_t size);

#endif
