# frozen_string_literal: true

require 'open3'
require 'rbconfig'
require 'tmpdir'
require 'yaml'

RSpec.describe 'bench/' do
  let(:root) { File.expand_path('../bench', __dir__) }

  # => [standard output and error, status]
  def bench(*arguments, rounds: 1, iterations: 20)
    environment = { 'BENCH_ROUNDS' => rounds.to_s, 'BENCH_ITERATIONS' => iterations.to_s, 'BENCH_LARGEST' => '1' }
    Open3.capture2e(environment, RbConfig.ruby, *arguments, chdir: File.dirname(root))
  end

  # A subject that gives out `facts` and is counted as often as `counted` says.
  def subject_code(facts: {}, counted: '@published')
    <<~RUBY
      require '#{root}/support/subject'
      class Example < Subject
        def publish(_first, _last) = nil
        def facts = #{facts.inspect}
        def counts = { counted: #{counted}, dropped: 0 }
      end
      Subject.run(Example.new('example', iterations: 10))
    RUBY
  end

  def subject_file(directory, name, **example)
    File.write(File.join(directory, "#{name}.rb"), subject_code(**example))
    File.join(directory, name)
  end

  # How often whom, in a run of everything; C++ where there is it.
  def everybody(output)
    names = { 'tasker-native' => 31, 'tasker-native with scanners' => 4, 'ActiveSupport::ParameterFilter' => 4,
              'dry-events' => 5, 'ActiveSupport::Notifications' => 2, 'OpenTelemetry Ruby' => 6,
              'nothing published' => 1, 'nothing scraped' => 1, 'prometheus-client' => 7,
              'no lines' => 1, 'hidden by log_level' => 1, 'hidden by the logger' => 1 }
    output.include?('export/plain: not run') ? names : names.merge('tasker-native' => 33, 'opentelemetry-cpp' => 2)
  end

  it 'measures every subject beside its peers, and nothing is lost' do
    output, status = bench('bench/run.rb', '--here')
    spans = output.lines.grep(/received/)

    expect(status).to be_success, output
    expect(spans.size).to be >= 12
    expect(spans).to all(match(/published (\d+),.* received( or dropped)? \1, different( or dropped)? \1,/))
    expect(output.scan(/^  (\S[^,\n]*?)(?:, \S.*?)? {2,}\d/).flatten.tally).to eq(everybody(output))
  end

  it 'says of each target whether it holds' do
    output, = bench('bench/run.rb', 'publish/unheard')

    verdict = /^  target  thread, times \S+  wanted <= 0\.50  got \d+\.\d\d  (holds|MISSED)$/
    expect(output).to match(verdict).and match(/^targets: (\d+ (holds|MISSED)(, )?)+$/)
  end

  it 'knows every subject that there is' do
    output, = bench('bench/run.rb', '--list')
    files = Dir['*/*.rb', base: root].grep_v(/\A(comparisons|support)/).map { |file| file.delete_suffix('.rb') }

    expect(output.split).to match_array(files)
  end

  it 'runs what was asked for, in as many rounds' do
    output, = bench('bench/run.rb', 'step', rounds: 2)

    expect(output.scan(/^(\S+): (?!round)\S+\(step\)/).flatten).to eq(%w[step])
    expect(output).to include('dry-events: published 50, heard 50')
  end

  it 'refuses what it does not know' do
    output, status = bench('bench/run.rb', 'nothing')

    expect(output).to start_with('bench: there is no nothing')
    expect(status).not_to be_success
  end

  # publish/unheard_native with references of that kind
  def instructions(references)
    Dir.mktmpdir do |directory|
      file = File.join(directory, 'instructions.yml')
      File.write(file, references)
      bench('bench/instructions.rb', '--operations', '50', '--references', file, 'publish/unheard_native')
    end
  end

  def reference(instructions)
    { RbConfig::CONFIG['host_cpu'] => { RUBY_VERSION[/\d+\.\d+/] =>
      { 'publish/unheard_native' => { 'publishing' => instructions } } } }.to_yaml
  end

  it 'fails when an operation takes more instructions than its reference' do
    output, status = instructions(reference(10))

    expect(output).to match(/publish.unheard_native +publishing +\d+ +reference 10, \+\d+\.\d % +EXCEEDED$/)
    expect(status).not_to be_success
  end

  it 'says how references are made where there are none' do
    output, status = instructions('')

    expect(output).to match(/no reference$/).and include('Next: bundle exec rake bench:instructions:update')
    expect(status).to be_success
  end

  it 'has pages whose tables are those of the results' do
    old = 'Page.all.reject { |page| File.read(page.file) == page.render }'
    output, status = bench('-r', './bench/support/page', '-e', "puts #{old}.map(&:file)")

    expect(status).to be_success, output
    expect(output).to eq(''), "#{output}\nNext: bundle exec rake bench:page"
  end

  it 'draws a plot of each figure that was measured' do
    Dir.mktmpdir do |directory|
      gnuplot = File.join(directory, 'gnuplot')
      File.write(gnuplot, "#!/bin/sh\n[ \"$1\" = --version ] || cat >>#{directory}/scripts\n")
      File.chmod(0o755, gnuplot)
      path = "#{directory}:#{ENV.fetch('PATH')}"
      output, = Open3.capture2e({ 'PATH' => path }, RbConfig.ruby, "#{root}/plots.rb", '--directory', directory)

      drawn = File.read("#{directory}/scripts").scan(/^set output '#{directory}.(.*)'$/).flatten
      expect(output).to eq("plots: #{drawn.size} in #{directory}\n")
      expect(drawn).to match_array(Dir['*.svg', base: "#{root}/../docs/benchmarks"])
    end
  end

  it 'says what it takes to draw plots' do
    output, status = Open3.capture2e({ 'PATH' => '/nowhere' }, RbConfig.ruby, File.join(root, 'plots.rb'))

    expect(output).to include('plots: there is no gnuplot. Next: ')
    expect(status).not_to be_success
  end

  it 'lets a subject run alone' do
    output, status = bench('bench/span/small_native.rb')

    expect(status).to be_success, output
    expect(output).to include('tasker-native: published 25, accepted 25, exported 25, dropped 0, received 25')
  end

  it 'fails when less was counted than was published' do
    output, status = bench('-e', subject_code(counted: '@published - 1'))

    expect(output).to include('bench: example: published 25, but counted 24')
    expect(status).not_to be_success
  end

  it 'fails before it measures when a peer gives out what ours does not' do
    Dir.mktmpdir do |directory|
      files = [subject_file(directory, 'ours', facts: { 'event' => 'a', 'more' => 'b' }),
               subject_file(directory, 'peer', facts: { 'event' => 'b' })]
      output, status = bench('-I', root, '-e', <<~RUBY)
        require 'support/comparison'
        require 'support/options'
        require 'support/sink'
        Comparison.new('name', 'title') { #{files}.each { |file| subject file } }.run(Options.from_environment, Sink.new('unused')) { nil }
      RUBY

      expect(output).to include('example gives').and include('where example gives')
      expect(status).not_to be_success
    end
  end
end
