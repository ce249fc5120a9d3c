-- Language of pages for browsers that ask for none that the box speaks.
ALTER TABLE box ADD COLUMN language TEXT;
