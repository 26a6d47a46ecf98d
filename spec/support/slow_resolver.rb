# frozen_string_literal: true

require 'fileutils'

# A library for LD_PRELOAD that takes its time to look names up, gives 127.0.0.1 for those that end with ".test", and
# fails now and then: a resolver as it is on a bad day.
module SlowResolver
  SOURCE = <<~C
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <netdb.h>
    #include <stdlib.h>
    #include <string.h>
    #include <time.h>
    #include <unistd.h>

    typedef int resolve(const char *, const char *, const struct addrinfo *, struct addrinfo **);

    int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **result)
    {
        resolve *real = (resolve *)dlsym(RTLD_NEXT, "getaddrinfo");
        size_t size = name ? strlen(name) : 0;
        if (size < 5 || strcmp(name + size - 5, ".test") != 0) return real(name, service, hints, result);

        static __thread unsigned seed;
        if (seed == 0) seed = (unsigned)getpid() ^ (unsigned)time(NULL);
        const char *milliseconds = getenv("SLOW_RESOLVER_MILLISECONDS");
        usleep((milliseconds ? (unsigned)atoi(milliseconds) : 200) * 1000);
        if (rand_r(&seed) % 8 == 0) return EAI_AGAIN;
        return real("127.0.0.1", service, hints, result);
    }
  C
  private_constant :SOURCE

  # @param directory [String] where it is compiled
  # @param milliseconds [Integer] that a lookup takes
  # @return [Hash{String=>String}] variables for a process
  def self.environment(directory, milliseconds)
    library = File.join(directory, 'slow_resolver.so')
    source = File.join(directory, 'slow_resolver.c')
    File.write(source, SOURCE)
    system('cc', '-shared', '-fPIC', '-o', library, source, '-ldl', exception: true)
    { 'LD_PRELOAD' => library, 'SLOW_RESOLVER_MILLISECONDS' => milliseconds.to_s }
  end
end
