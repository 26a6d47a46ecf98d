#include "base/private_file.h"

#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static tn_private_files *all_files(void)
{
    return &tn_this_process.files;
}

static int *slot_with(int value)
{
    tn_private_files *files = all_files();
    for (int i = 0; i < TN_MAX_PRIVATE_FILES; i++) {
        if (files->slots[i] == value) return &files->slots[i];
    }
    return NULL;
}

/* Under the lock, so that no fork comes between opening a file and knowing it. */
int tn_private_file_open(int directory, const char *name, int flags, mode_t mode)
{
    pthread_mutex_lock(&all_files()->lock);
    int descriptor = -1, *slot = slot_with(0);
    if (slot) {
        descriptor = openat(directory, name, flags | O_CLOEXEC, mode);
        if (descriptor >= 0) *slot = descriptor + 1;
    } else {
        errno = EMFILE;
    }
    pthread_mutex_unlock(&all_files()->lock);
    return descriptor;
}

void tn_private_file_close(int descriptor)
{
    if (descriptor < 0) return;
    pthread_mutex_lock(&all_files()->lock);
    int *slot = slot_with(descriptor + 1);
    if (slot) {
        *slot = 0;
        close(descriptor);
    }
    pthread_mutex_unlock(&all_files()->lock);
}

void tn_private_files_before_fork(void)
{
    pthread_mutex_lock(&all_files()->lock);
}

void tn_private_files_after_fork_in_parent(void)
{
    pthread_mutex_unlock(&all_files()->lock);
}

void tn_private_files_after_fork_in_child(void)
{
    tn_private_files *files = all_files();
    pthread_mutex_init(&files->lock, NULL);
    for (int i = 0; i < TN_MAX_PRIVATE_FILES; i++) {
        if (files->slots[i]) close(files->slots[i] - 1);
        files->slots[i] = 0;
    }
}
