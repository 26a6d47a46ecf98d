# frozen_string_literal: true

# README.md, or another page, as those read it who do what it says.
class Readme
  ROOT = File.expand_path('../..', __dir__)
  FILE_NAME = %r{\A# (Gemfile|[\w/.]+\.rb)\n}
  private_constant :FILE_NAME

  attr_reader :text

  # @param page [String]
  def initialize(page = 'README.md')
    @text = File.read(File.join(ROOT, page))
  end

  # @return [Hash{String=>String}] what belongs into files of an app, which say so in their first line
  def app_files
    ruby.grep(FILE_NAME).to_h { |snippet| [snippet[FILE_NAME, 1], snippet.sub(FILE_NAME, '')] }
  end

  # @return [String] all other Ruby, in its order
  def script
    ruby.grep_v(FILE_NAME).join("\n")
  end

  # The same, and it ends with a failure where a line does not give what stands behind its "# =>".
  #
  # @return [String]
  def checking_script
    script.gsub(/^(.+?) +# => (.+)$/) do
      code, value = Regexp.last_match.captures
      "(#{code}).then { |is| is == (#{value}) or abort \"#{code.dump[1..-2]} is \#{is.inspect}\" }"
    end
  end

  # @return [Array<String>] lines for a shell
  def commands
    snippets('sh').flat_map { |snippet| snippet.lines(chomp: true) }.map { |line| line[/\A[^#]+/].strip }
  end

  # @return [Array<String>] YAML files
  def yaml
    snippets('yaml')
  end

  # @param title [String] of the section it stands in
  # @return [Array<Array<String>>] the cells of its rows, the heads left out
  def table(title)
    section = text[/^##+ #{title}\n(.*?)^##/m, 1]
    section.lines.grep(/\A\|/).drop(2).map { |row| row.chomp.delete_prefix('| ').delete_suffix(' |').split(' | ') }
  end

  # @return [Array<String>] what it links to: "docs/architecture.md", "#settings", "https://..."
  def links
    text.scan(/\]\(([^)]+)\)/).flatten
  end

  # @return [Array<String>] "#settings" and so on
  def anchors
    text.scan(/^##+ (.+)$/).flatten.map { |title| "##{title.downcase.tr(' ', '-').gsub(/[^\w-]/, '')}" }
  end

  private

  def ruby
    snippets('ruby')
  end

  def snippets(language)
    text.scan(/^```#{language}\n(.*?)^```$/m).flatten
  end
end
