/* A race, planted: two threads count in one variable. ThreadSanitizer must say so. */
#include <pthread.h>
#include <stddef.h>

#ifndef TN_PLANT_FAULT
#error "only for the proof that the sanitizers are awake"
#endif

static int count;

static void *add(void *unused)
{
    for (int i = 0; i < 1000; i++) count++;
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, add, NULL);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    return 0;
}
