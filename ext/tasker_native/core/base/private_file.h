#ifndef TN_BASE_PRIVATE_FILE_H
#define TN_BASE_PRIVATE_FILE_H

#include <pthread.h>
#include <sys/types.h>

/* Files whose locks (flock) say that this process lives. A lock belongs to an open file, which a forked child shares:
 * so the child closes its copies before it does anything else, and the lock ends with the process that took it.
 * Any thread. */
#define TN_MAX_PRIVATE_FILES 64

typedef struct {
    pthread_mutex_t lock;
    int slots[TN_MAX_PRIVATE_FILES]; /* a descriptor + 1; 0: free */
} tn_private_files;

/* As openat, with O_CLOEXEC. -1 with errno: as openat, or EMFILE beyond TN_MAX_PRIVATE_FILES. */
int tn_private_file_open(int directory, const char *name, int flags, mode_t mode);
void tn_private_file_close(int descriptor);

/* Around a fork, by tn_process. */
void tn_private_files_before_fork(void);
void tn_private_files_after_fork_in_parent(void);
void tn_private_files_after_fork_in_child(void);

#endif
