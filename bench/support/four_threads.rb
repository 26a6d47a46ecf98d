# frozen_string_literal: true

# Four Ruby threads do the work of a subject that includes it.
module FourThreads
  def publish(first, last)
    share, rest = (last - first).divmod(4)
    Array.new(4) { |number| Thread.new { super(0, share + (number < rest ? 1 : 0)) } }.each(&:join)
  end
end
